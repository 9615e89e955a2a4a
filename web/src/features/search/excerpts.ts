/** search/excerpts: the part of a message that shows why it was found. */
const BEFORE = 60, LENGTH = 240, WORDS_MAX = 24; // that are shown: an address may bring a search of thousands

export interface Piece { text: string; hit: boolean }

/** Words as they are looked for: all must be there. */
export const wordsOf = (query: string): string[] => query.toLowerCase().split(/\s+/).filter(Boolean);

/** A line around the first hit, cut into what was looked for and the rest. Nothing is found by a place in changed text. */
export function excerpt(text: string, query: string): Piece[] {
  const flat = text.replace(/\s+/g, ' ').trim(), low = flat.toLowerCase();
  // a letter whose lower case is longer would move all places behind it
  const words = low.length === flat.length ? wordsOf(query).slice(0, WORDS_MAX) : [];
  const first = Math.min(...words.map((word) => low.indexOf(word)).filter((at) => at >= 0), flat.length);
  const from = first === flat.length || first <= BEFORE ? 0 : flat.indexOf(' ', first - BEFORE) + 1 || first;
  const to = Math.min(flat.length, from + LENGTH);
  const pieces: Piece[] = from ? [{ text: '… ', hit: false }] : [];
  for (let at = from; at < to;) {
    const next = words.map((word) => ({ word, i: low.indexOf(word, at) })).filter(({ i, word }) => i >= 0 && i + word.length <= to).sort((a, b) => a.i - b.i || b.word.length - a.word.length)[0];
    if (!next) {
      pieces.push({ text: flat.slice(at, to), hit: false });
      break;
    }
    if (next.i > at) pieces.push({ text: flat.slice(at, next.i), hit: false });
    pieces.push({ text: flat.slice(next.i, next.i + next.word.length), hit: true });
    at = next.i + next.word.length;
  }
  if (to < flat.length) pieces.push({ text: ' …', hit: false });
  return pieces;
}
