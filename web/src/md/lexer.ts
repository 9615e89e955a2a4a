// What is more than words, to tokens: GitHub's dialect by marked's lexer, with two differences. HTML is not markup here, it
// is text; and what nests deeper than any person writes is text too. It comes when the first text needs it (md/lexing.ts).

import { Lexer, Tokenizer, type Token } from 'marked';
import { putBack, putBackLinks, setAside } from './formulas';
import type { Links } from './parse';

const DEPTH_MAX = 12;
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

/** May throw: there are texts that the lexer gives up on. */
export function lex(raw: string, links: Links): Token[] {
  const lexer = new Lexer({ gfm: true, breaks: true, tokenizer: new Bounded() });
  lexer.tokens.links = links as typeof lexer.tokens.links;
  const aside = setAside(raw);
  const tokens = [...lexer.lex(aside?.text ?? raw)];
  if (!aside) return tokens;
  putBackLinks(links, aside.formulas);
  return putBack(tokens, aside.formulas);
}
