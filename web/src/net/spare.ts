// The line and the processor are the first screen's until it can be used. What that does without waits here, and begins
// behind it: one thing at a time, when there is nothing else to do.
const PATIENCE_MS = 5_000; // a tab that nobody sees draws nothing, and would wait for ever
const PAINT_MS = 500; // nor does it paint
const LATEST_MS = 1_000;

const waiting: (() => unknown)[] = [];
let said = false;
let usable = false;
let going = false;

const idle = () => new Promise<void>((done) => ('requestIdleCallback' in globalThis ? void requestIdleCallback(() => done(), { timeout: LATEST_MS }) : void setTimeout(done, 50)));

async function go(): Promise<void> {
  if (going || !usable) return;
  going = true;
  for (let work = waiting.shift(); work; work = waiting.shift()) {
    await idle();
    work();
  }
  going = false;
}

/** Can be written in, read, or whatever it is for: once that is painted nothing has to wait for it any more. */
export function nowUsable(): void {
  if (said) return;
  said = true;
  const begin = () => {
    usable = true;
    void go();
  };
  requestAnimationFrame(() => requestAnimationFrame(begin));
  setTimeout(begin, PAINT_MS);
}
setTimeout(nowUsable, PATIENCE_MS);

/** Resolves with what `work` does, once it is its turn; `first`: people wait for it, not only we. */
export const afterUsable = <T>(work: () => T | Promise<T>, { first = false } = {}): Promise<T> =>
  new Promise<T>((done, failed) => {
    waiting[first ? 'unshift' : 'push'](() => Promise.resolve().then(work).then(done, failed));
    void go();
  });
