// One block's text to tokens, in bounded time and depth.
//
// What is only words, or only code, is read here; the rest by the lexer (md/lexer.ts), and what has more signs that
// might open or close something than any person writes is text.

import type { Token, Tokens } from 'marked';
import { lexer, withLexer } from './lexing';

export type Links = Record<string, { href: string | null; title: string | null }>;

const SIGNS_MAX = 3000; // in one block: the lexer looks for each one's partner in all that follows
const LINES_MAX = 1500;
const BLANK_MAX = 500; // spaces in a row: at each of them the lexer looks for the line's end behind all the others

// A line of words and the signs between them that mean nothing else: most of what people say needs no lexer.
const WORDS = /^(?:\p{L}|@(?=\p{L})|\p{Emoji_Presentation}|\p{N}+(?![\p{N}.)]))(?:[\p{L}\p{N}\p{Emoji_Presentation},;!?()"'«»“”„…–—/%+=№-]| (?! |\n|$)|(?<= )@|[.:](?=\s|$))*\n*$/u;

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
  if (!lexer.value) {
    void withLexer();
    return [plain(raw)];
  }
  try {
    return lexer.value.lex(raw, links);
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
