// Whole texts that were parsed lately: rows come and go while one scrolls.

import { Blocks, type Block } from './blocks';
import { lexer } from './lexing';

const CHARS_MAX = 2_000_000;
const kept = new Map<string, Block[]>(); // in the order of their last use
let chars = 0;

export function remembered(text: string): Block[] {
  const had = kept.get(text);
  if (!had) return remember(text, new Blocks().update(text, true));
  kept.delete(text);
  kept.set(text, had);
  return had;
}

/** Every block of it is read as it is meant: the lexer need not be waited for. */
export const isRead = (text: string): boolean => lexer.value !== null || remembered(text).every(isWhole);
const isWhole = ({ tokens }: Block) => tokens.every(({ type }) => type !== 'plain');

export function remember(text: string, blocks: Block[]): Block[] {
  if (!lexer.value && !blocks.every(isWhole)) return blocks; // for now
  if (!kept.has(text)) chars += text.length;
  kept.set(text, blocks);
  for (const oldest of kept.keys()) {
    if (chars <= CHARS_MAX || oldest === text) break;
    kept.delete(oldest);
    chars -= oldest.length;
  }
  return blocks;
}
