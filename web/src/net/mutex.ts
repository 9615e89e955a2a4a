// One at a time over all tabs: a Web Lock, or, without a secure context, a word in localStorage with a time.
const HELD_MS = 15_000;
const LOOK_MS = 40;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function withMutex<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request(name, work) as Promise<T>;
  const mine = Math.random().toString(36).slice(2);
  let storage: Storage;
  try {
    storage = localStorage;
  } catch {
    return work(); // No storage: then no other tab shares anything with us either.
  }
  for (;;) {
    const [, until] = (storage.getItem(name) ?? '').split(' ');
    if (!until || Number(until) < Date.now()) {
      storage.setItem(name, `${mine} ${Date.now() + HELD_MS}`);
      // Whoever wrote last has it: a look later than any write that began with ours.
      await pause(LOOK_MS);
      if (storage.getItem(name)?.startsWith(`${mine} `)) break;
    }
    await pause(LOOK_MS + Math.random() * LOOK_MS);
  }
  try {
    return await work();
  } finally {
    if (storage.getItem(name)?.startsWith(`${mine} `)) storage.removeItem(name);
  }
}
