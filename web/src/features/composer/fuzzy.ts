/**
 * composer/fuzzy: how well a few typed letters fit a name: for mentions, commands and the palette.
 *
 * The letters must come in order. Those at beginnings of words and those that follow one another count most, so that
 * "кс" finds "Кухня · Столовая" before "раскос", and a whole beginning wins over everything.
 */

/** Case, accents and ё do not matter; one character stays one character. */
export const fold = (text: string): string =>
  [...text.toLowerCase()].map((c) => (c === 'ё' ? 'е' : c.normalize('NFD')[0] === c[0] || /[йў]/.test(c) ? c : c.normalize('NFD')[0]!)).join('');

const isStart = (text: string, at: number) => at === 0 || /[\s._\-/@#·(]/.test(text[at - 1]!);

/** 0: does not fit. Both are folded already. */
export function scoreFolded(query: string, text: string): number {
  if (!query) return 1;
  if (query.length > text.length) return 0;
  if (text.startsWith(query)) return text.length === query.length ? 1000 : 900 - Math.min(99, text.length - query.length);
  const whole = text.indexOf(query);
  if (whole >= 0) return (isStart(text, whole) ? 700 : 500) - Math.min(99, whole);

  let score = 300, from = 0, last = -2, typed = '';
  for (const letter of query) {
    if (letter === ' ' && typed !== '') continue; // blanks only part the letters
    typed = letter;
    let at = text.indexOf(letter, from);
    if (at < 0) return 0;
    // a beginning of a word further on is what people mean more often
    for (let next = at; next >= 0 && last !== at - 1; next = text.indexOf(letter, next + 1)) if (isStart(text, next)) { at = next; break; }
    score += last === at - 1 ? 12 : isStart(text, at) ? 8 : -Math.min(20, at - Math.max(last, 0));
    last = at;
    from = at + 1;
  }
  return Math.max(1, score - Math.min(40, text.length - query.length));
}

/** How well `query` fits the best of `names`; what comes first counts a little more. */
export function score(query: string, names: readonly string[]): number {
  const wanted = fold(query.trim());
  return names.reduce((best, name, i) => Math.max(best, name ? scoreFolded(wanted, fold(name)) - (i && 2) : 0), 0);
}

/** Those that fit, the best first; equals in the order that they came in. */
export function rank<T>(query: string, all: readonly T[], names: (one: T) => readonly string[], most = Infinity): T[] {
  return all.map((one, i) => ({ one, i, fits: score(query, names(one)) }))
    .filter((found) => found.fits > 0)
    .sort((a, b) => b.fits - a.fits || a.i - b.i)
    .slice(0, most)
    .map((found) => found.one);
}
