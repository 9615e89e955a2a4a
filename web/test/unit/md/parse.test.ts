import fc from 'fast-check';
import { Lexer } from 'marked';
import { expect, test } from 'vitest';
import { parse } from '@/md/parse';

const seen = (tokens: readonly { type: string; text?: string; tokens?: unknown[] }[]): unknown => tokens.filter(({ type }) => type !== 'space').map(({ type, text, tokens }) => [type, text, tokens && seen(tokens as never)]);

test('what needs no lexer is what the lexer makes of it', () => {
  const pieces = ['words', 'и', 'слова', ' ', ' ', ', ', '. ', ': ', '! ', '? ', '12', '1. ', '-', '- ', '—', '(so)', '“so”', "it's", '"x"', 'www.', 'a.b', '://', 'http', '@', '*', '_', '`', '\n', '\n\n', '#', '&amp;', '  ', '…', '=', '---', '@olga ', ' @', '🙂', '%', 'C++', 'a/b', '№', '1) ', '7'];
  fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => parts.join('')), (text) => {
    expect(seen(parse(text, {}) as never)).toEqual(seen(new Lexer({ gfm: true, breaks: true }).lex(text) as never));
  }), { numRuns: 2000 });
});
