// Formulas in a text: $…$, $$…$$, \(…\), \[…\] and \begin{…}…\end{…}.
//
// They are set aside before the lexer sees the text, one private character for each, and put back into its tokens: so
// no sign of a formula ever means emphasis, a cell or a list. Where the lexer finds something else than words (code, an
// address), what was written comes back. Money, shell variables and escaped brackets are no formulas.

import type { Token } from 'marked';

export interface Formula {
  type: 'math';
  raw: string;
  tex: string;
  display: boolean;
}

const INLINE_MAX = 1000;
const DISPLAY_MAX = 8000;
const COUNT_MAX = 500; // in one block

const FIRST = 0xe000; // of the private characters
const PRIVATE = /[\ue000-\uf8ff]/;
const MARKS = /[\ue000-\ue1ff]/g;
const HINT = /\$|\\[([]|\\begin\{/;
const BLANK = /\n[ \t>]*\n/;
const WORDLIKE = /[\p{Script=Latin}\p{Script=Cyrillic}\p{N}]/u;
const ORDINAL = /^(?:st|nd|rd|th|s)(?![\p{L}\p{N}])/u;
const ENVIRONMENTS = /^\\begin\{((?:equation|align|alignat|gather|multline|eqnarray|aligned|gathered|split|cases|[pbBvV]?matrix|array)\*?)\}/;

/** The text with its formulas set aside; null if it has none. */
export function setAside(raw: string): { text: string; formulas: Formula[] } | null {
  if (!HINT.test(raw) || PRIVATE.test(raw)) return null;
  const formulas: Formula[] = [];
  let text = '';
  let done = 0;
  for (const found of new Finder(raw).all()) {
    text += raw.slice(done, found.from) + String.fromCharCode(FIRST + formulas.length);
    done = found.to;
    formulas.push({ type: 'math', raw: raw.slice(found.from, found.to), tex: unquoted(raw, found), display: found.display });
  }
  return formulas.length ? { text: text + raw.slice(done), formulas } : null;
}

/** The tokens with the formulas where words are, and what was written everywhere else. */
export function putBack(tokens: Token[], formulas: readonly Formula[]): Token[] {
  return tokens.flatMap((token) => {
    if (token.type === 'text' && !token.tokens) return PRIVATE.test(token.text as string) ? apart(token.text as string, formulas) : [token];
    for (const [key, value] of Object.entries(token)) (token as Record<string, unknown>)[key] = restored(value, formulas);
    return [token];
  }).filter((token, i, all) => token.type !== 'br' || !(stands(all[i - 1]) || stands(all[i + 1])));
}

/** The same for the definitions of links that were found: none is called by a formula. */
export function putBackLinks(links: Record<string, unknown>, formulas: readonly Formula[]): void {
  for (const [name, link] of Object.entries(links)) {
    if (PRIVATE.test(name)) delete links[name];
    else restored(link, formulas);
  }
}

/** In a string that the lexer took for something else than words. */
function written(text: string, formulas: readonly Formula[]): string {
  return text.replace(MARKS, (mark) => formulas[mark.charCodeAt(0) - FIRST]?.raw ?? mark);
}

const stands = (token: Token | undefined) => token?.type === 'math' && (token as unknown as Formula).display;

function restored(value: unknown, formulas: readonly Formula[]): unknown {
  if (typeof value === 'string') return written(value, formulas);
  if (!value || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    if (value.some((one) => one && typeof one === 'object' && 'raw' in one)) return putBack(value as Token[], formulas);
    return value.map((one) => restored(one, formulas));
  }
  for (const [key, inner] of Object.entries(value)) (value as Record<string, unknown>)[key] = restored(inner, formulas);
  return value;
}

function apart(text: string, formulas: readonly Formula[]): Token[] {
  const tokens: Token[] = [];
  let done = 0;
  const words = (to: number) => {
    const part = text.slice(done, to);
    if (part) tokens.push({ type: 'text', raw: part, text: part });
  };
  for (const { 0: mark, index } of text.matchAll(MARKS)) {
    words(index);
    tokens.push(formulas[mark.charCodeAt(0) - FIRST] as unknown as Token);
    done = index + 1;
  }
  words(text.length);
  return tokens;
}

interface Found {
  from: number;
  to: number;
  inner: [number, number];
  display: boolean;
}

// Once from left to right; what is looked for and not there is not looked for again.
class Finder {
  private at = 0;
  private readonly ahead = new Map<string, number>();
  private readonly endless = new Set<number>(); // lengths of runs of ` that nothing closes any more

  constructor(private readonly text: string) {}

  *all(): Generator<Found> {
    const { text } = this;
    const interesting = /[`$\\]|https?:\/\//g;
    for (let count = 0; count < COUNT_MAX; ) {
      interesting.lastIndex = this.at;
      const sign = interesting.exec(text);
      if (!sign) return;
      this.at = sign.index;
      const found = sign[0] === '$' ? this.dollar() : sign[0] === '\\' ? this.backslash() : undefined;
      if (found) {
        this.at = found.to;
        count++;
        yield found;
      } else if (sign[0] === '`') this.passCode();
      else if (sign[0] === '$') this.at += /^\$+/.exec(text.slice(this.at, this.at + 64))![0].length;
      else if (sign[0] === '\\') this.at += 2;
      else this.at = after(text, /[\s<]/g, this.at);
    }
  }

  private dollar(): Found | undefined {
    const { text, at } = this;
    if (text.startsWith('$$', at)) return text[at + 2] === '$' ? undefined : this.between(2, '$$', true, DISPLAY_MAX);
    if (WORDLIKE.test(text[at - 1] ?? '') || /[\s$]/.test(text[at + 1] ?? ' ')) return undefined;
    let end = at + 1;
    for (; text[end] !== '$'; end += text[end] === '\\' ? 2 : 1)
      if (end >= text.length || text[end] === '\n' || text[end] === '`' || end - at > INLINE_MAX) return undefined;
    if (/\s/.test(text[end - 1]!)) return undefined;
    const next = text.slice(end + 1, end + 5);
    if (WORDLIKE.test(next[0] ?? '') && !ORDINAL.test(next)) return undefined;
    return this.formula(1, end, 1, false);
  }

  private backslash(): Found | undefined {
    const { text, at } = this;
    if (text[at + 1] === '(') return this.between(2, '\\)', false, INLINE_MAX);
    if (text[at + 1] === '[') return this.between(2, '\\]', true, DISPLAY_MAX);
    if (text[at + 1] !== 'b') return undefined;
    const name = ENVIRONMENTS.exec(text.slice(at, at + 40))?.[1];
    if (!name || !/^[ \t>]*$/.test(text.slice(text.lastIndexOf('\n', at - 1) + 1, at))) return undefined;
    const closing = `\\end{${name}}`, end = this.next(closing);
    if (end < 0 || end - at > DISPLAY_MAX || BLANK.test(text.slice(at, end))) return undefined;
    const to = end + closing.length;
    return { from: at, to, inner: [at, to], display: true };
  }

  private between(skip: number, closing: string, display: boolean, most: number): Found | undefined {
    const { text, at } = this;
    const end = this.next(closing, at + skip);
    if (end < 0 || end - at > most) return undefined;
    const inner = text.slice(at + skip, end);
    if (display ? BLANK.test(inner) || inner.includes('```') : inner.includes('\n')) return undefined;
    return this.formula(skip, end, closing.length, display);
  }

  private formula(skip: number, end: number, closing: number, display: boolean): Found | undefined {
    const inner = this.text.slice(this.at + skip, end);
    if (!inner.trim() || (this.text[this.at + 1] !== '$' && isProse(inner))) return undefined;
    return { from: this.at, to: end + closing, inner: [this.at + skip, end], display };
  }

  private next(what: string, from = this.at): number {
    const known = this.ahead.get(what);
    if (known !== undefined && (known < 0 || known >= from)) return known;
    const found = this.text.indexOf(what, from);
    this.ahead.set(what, found);
    return found;
  }

  /** Behind the code that begins here, or behind the signs that would begin some. */
  private passCode(): void {
    const length = after(this.text, /[^`]/g, this.at) - this.at;
    this.at += length;
    if (this.endless.has(length)) return;
    const runs = /`+/g;
    runs.lastIndex = this.at;
    for (let run = runs.exec(this.text); run; run = runs.exec(this.text))
      if (run[0].length === length) return void (this.at = runs.lastIndex);
    this.endless.add(length);
  }
}

/** Where it stands at or after `from`, or the end. */
function after(text: string, what: RegExp, from: number): number {
  what.lastIndex = from;
  return what.exec(text)?.index ?? text.length;
}

/** Words between signs that might be meant otherwise. */
function isProse(inner: string): boolean {
  if (/[\\^_={}]/.test(inner)) return false;
  const words = inner.trim().split(/\s+/);
  if (/^\d[\d.,]*$/.test(words[0]!) && /^\p{L}{2}/u.test(words[1] ?? '')) return true;
  const plain = words.filter((word) => /^\p{L}+[,;:]?$/u.test(word));
  return plain.join('').length > 5 && (plain.length > 2 || plain.filter((word) => word.length > 1).length > 1);
}

/** What it says, without the signs of the quote that it stands in. */
function unquoted(text: string, { from, inner: [begin, end] }: Found): string {
  const tex = text.slice(begin, end);
  if (!tex.includes('\n')) return tex;
  const line = text.slice(text.lastIndexOf('\n', from - 1) + 1, from);
  return /^ {0,3}>/.test(line) ? tex.replace(/\n(?: {0,3}> ?)+/g, '\n') : tex;
}
