// One at a time over all tabs: a Web Lock, or, without a secure context, a word in localStorage with a time. A tab
// that sleeps with it is not waited for.
const PATIENCE_MS = 60_000;
const HELD_MS = 15_000;
const LOOK_MS = 40;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function withMutex<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    const begun = () => {
      clearTimeout(timer);
      return work();
    };
    try {
      return (await navigator.locks.request(name, { signal: patience.signal }, begun)) as T;
    } catch (fault) {
      if (!patience.signal.aborted) throw fault;
      return (await navigator.locks.request(name, { steal: true }, work)) as T;
    }
  }
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
  const holding = setInterval(() => storage.setItem(name, `${mine} ${Date.now() + HELD_MS}`), HELD_MS / 3);
  try {
    return await work();
  } finally {
    clearInterval(holding);
    if (storage.getItem(name)?.startsWith(`${mine} `)) storage.removeItem(name);
  }
}
