/**
 * stores/typed: what was typed in a page's last moment. The database takes its time, which a page that goes has not; this
 * storage is written at once. The next page, or another tab, takes it over; it goes with all else of who leaves
 * (stores/settings).
 */
import type { DraftRecord } from '../sync/db';

const keyOf = (user: string) => `nc.typed.${user}`;

function read(user: string): DraftRecord[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? '[]');
    return Array.isArray(found) ? found.filter((one: Partial<DraftRecord> | null) => typeof one?.room === 'string' && typeof one.text === 'string') : [];
  } catch {
    return []; // Forbidden, or written by somebody else.
  }
}

export function putTyped(user: string, drafts: readonly DraftRecord[]): void {
  if (!drafts.length) return;
  const others = read(user).filter(({ room }) => !drafts.some((one) => one.room === room));
  try {
    localStorage.setItem(keyOf(user), JSON.stringify([...others, ...drafts]));
  } catch { /* forbidden or full: the database may still be in time */ }
}

/** Gives it once. */
export function takeTyped(user: string): DraftRecord[] {
  const found = read(user);
  try {
    localStorage.removeItem(keyOf(user));
  } catch { /* forbidden: then nothing was there */ }
  return found;
}

/** `heard` is called when another tab went and left something. */
export function onTyped(user: () => string | undefined, heard: () => void): void {
  addEventListener('storage', ({ key, newValue }) => {
    const who = user();
    if (who !== undefined && key === keyOf(who) && newValue) heard();
  });
}
