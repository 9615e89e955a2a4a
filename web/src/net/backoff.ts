// How long to wait before the next try: 0.3 s, doubled to 60 s, each shortened by up to half at random so that a
// thousand clients of a node that was restarted do not come in the same moment.
export const FIRST_MS = 300;
export const LAST_MS = 60_000;

export function backoff(tries: number, random: () => number = Math.random): number {
  return Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(tries, 20)) * (1 - random() / 2);
}
