// One block's text to tokens, in bounded time and depth.
//
// GitHub's dialect by marked's lexer, with two differences: HTML is not markup
// here, it is text; and what nests deeper, or has more signs that might open or
// close something, than any person writes, is text too.

import { Lexer, Tokenizer, type Token, type Tokens } from 'marked';
import { putBack, putBackLinks, setAside } from './formulas';

export type Links = Record<string, { href: string | null; title: string | null }>;

const DEPTH_MAX = 12;
const SIGNS_MAX = 3000; // in one block: the lexer looks for each one's partner in all that follows
const LINES_MAX = 1500;
const BLANK_MAX = 500; // spaces in a row: at each of them the lexer looks for the line's end behind all the others
const CELLS_MAX = 5000; // a row of one cell counts as a full one: it is drawn as such

class Bounded extends Tokenizer {
  private depth = 0;

  private inner<T>(go: () => T): T | undefined {
    if (this.depth >= DEPTH_MAX) return undefined;
    this.depth++;
    try {
      return go();
    } finally {
      this.depth--;
    }
  }

  override html() {
    return undefined;
  }
  override tag() {
    return undefined;
  }
  override blockquote(src: string) {
    return this.inner(() => super.blockquote(src));
  }
  override list(src: string) {
    return this.inner(() => super.list(src));
  }
  override table(src: string) {
    const [head, rule] = src.split('\n', 2);
    if (!rule || !/^[ \t|:-]+\r?$/.test(rule)) return undefined;
    const rows = src.split(/\n[ \t]*\n/, 1)[0]!.split('\n').length;
    return head!.split('|').length * rows > CELLS_MAX ? undefined : super.table(src);
  }
  override emStrong(src: string, masked: string, before?: string) {
    return this.inner(() => super.emStrong(src, masked, before));
  }
  override del(src: string, masked: string, before?: string) {
    return this.inner(() => super.del(src, masked, before));
  }
  override link(src: string) {
    return this.inner(() => super.link(src));
  }
  override reflink(src: string, links: Parameters<Tokenizer['reflink']>[1]) {
    return this.inner(() => super.reflink(src, links));
  }
}

// A line of words and the signs between them that mean nothing else: most of what people say needs no lexer.
const WORDS = /^\p{L}(?:[\p{L}\p{N},;!?()"'«»“”„…–—-]| (?! |\n|$)|[.:](?=\s|$))*\n*$/u;

function words(raw: string): Token[] | null {
  if (!WORDS.test(raw)) return null;
  const text = raw.trimEnd();
  return [{ type: 'paragraph', raw, text, tokens: [{ type: 'text', raw: text, text }] }];
}

// `links` are the definitions known so far; those of this block are added.
export function parse(raw: string, links: Links): Token[] {
  const said = words(raw);
  if (said) return said;
  const code = fenced(raw);
  if (code) return [code];
  if (tooDense(raw)) return [plain(raw)];
  const lexer = new Lexer({ gfm: true, breaks: true, tokenizer: new Bounded() });
  lexer.tokens.links = links as typeof lexer.tokens.links;
  const aside = setAside(raw);
  try {
    const tokens = [...lexer.lex(aside?.text ?? raw)];
    if (!aside) return tokens;
    putBackLinks(links, aside.formulas);
    return putBack(tokens, aside.formulas);
  } catch {
    return [plain(raw)]; // a text that the lexer gives up on is still somebody's text
  }
}

// A block that is one fence, open or closed, needs no lexer; it is also the one that grows longest.
function fenced(raw: string): Tokens.Code | null {
  const head = /^( {0,3})(`{3,}|~{3,})([^\n]*)(?:\n|$)/.exec(raw);
  if (!head || (head[2]![0] === '`' && head[3]!.includes('`'))) return null;
  const [all, indent, mark, info] = head as unknown as [string, string, string, string];
  const lines = raw.slice(all.length).replace(/\r\n?/g, '\n').split('\n');
  const end = lines.findIndex((line) => {
    const bare = line.replace(/^ {0,3}/, '').trimEnd();
    return bare.startsWith(mark) && /^[~`]*$/.test(bare);
  });
  if (end >= 0 && lines.slice(end + 1).some((line) => line.trim())) return null;
  const body = end >= 0 ? lines.slice(0, end) : lines;
  const text = body.map((line) => (indent && line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n');
  return { type: 'code', raw, lang: info.trim(), text: end >= 0 ? text : text.replace(/\n$/, '') };
}

function tooDense(raw: string): boolean {
  if (raw.length < SIGNS_MAX) return false;
  let signs = 0;
  let lines = 0;
  let blank = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code !== 32 && code !== 9) blank = 0;
    else if (++blank > BLANK_MAX) return true;
    switch (code) {
      case 10:
        if (++lines > LINES_MAX) return true;
        break;
      case 33: // !
      case 38: // &
      case 42: // *
      case 58: // : of an address
      case 60: // <
      case 64: // @
      case 91: // [
      case 92: // \
      case 95: // _
      case 96: // `
      case 126: // ~
        if (++signs > SIGNS_MAX) return true;
    }
  }
  return false;
}

function plain(raw: string): Tokens.Generic {
  return { type: 'plain', raw, text: raw.replace(/^\n+/, '').trimEnd() };
}
