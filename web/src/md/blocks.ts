// A growing text as blocks of tokens. Closed blocks keep their identity for ever,
// so whoever shows them has nothing to do when more comes.

import type { Token } from 'marked';
import { lexer } from './lexing';
import { parse, type Links } from './parse';
import { Splitter } from './split';

export interface Block {
  readonly raw: string;
  readonly tokens: Token[];
}

export class Blocks {
  private splitter = new Splitter();
  private closed: Block[] = [];
  private links: Links = Object.create(null) as Links;
  private by = lexer.value;

  // What is to be shown of `text`, which may be longer than the last one, or another.
  update(text: string, whole: boolean): Block[] {
    const had = this.splitter.text;
    if (!text.startsWith(had) || this.by !== lexer.value) this.reset();
    for (const raw of this.splitter.push(text.slice(this.splitter.text.length)))
      this.closed.push({ raw, tokens: parse(raw, this.links) });

    const open = this.splitter.open;
    const links = whole ? this.links : Object.assign(Object.create(null) as Links, this.links);
    const blocks = this.closed.slice();
    if (open.trim()) blocks.push({ raw: open, tokens: parse(open, links) });
    return whole ? this.resolve(blocks) : blocks;
  }

  // A definition may stand below what refers to it: only the whole text knows all of them.
  private resolve(blocks: Block[]): Block[] {
    if (!Object.keys(this.links).length) return blocks;
    return blocks.map((b) => (b.raw.includes('[') ? { raw: b.raw, tokens: parse(b.raw, this.links) } : b));
  }

  private reset() {
    this.splitter = new Splitter();
    this.closed = [];
    this.links = Object.create(null) as Links;
    this.by = lexer.value;
  }
}
