/** palette/recent: what was chosen lately, newest first: per person, in this browser. */
const MOST = 30;
const keyOf = (user: string) => `nc.palette.${user}`;

export function recentOf(user: string): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(user)) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
  } catch {
    return []; // unreadable or forbidden: nothing was chosen yet, then
  }
}

export const withFirst = (recent: readonly string[], id: string): string[] => [id, ...recent.filter((one) => one !== id)].slice(0, MOST);

export function remember(user: string, id: string): void {
  try {
    localStorage.setItem(keyOf(user), JSON.stringify(withFirst(recentOf(user), id)));
  } catch {
    // Private mode: the order is that of the rooms.
  }
}
