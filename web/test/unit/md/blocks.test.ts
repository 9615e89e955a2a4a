import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lexer } from 'marked';
import { Blocks } from '@/md/blocks';
import { isEndless } from '@/md/endless';
import { work } from './cost';

const whole = (text: string) => new Blocks().update(text, true);
const tokensOf = (text: string) => whole(text).flatMap((block) => block.tokens);

const pieces = [
  'word ', 'Слово ', '\n', '\n\n', '  ', '    ', '\t', '# ', '## Head\n', '- ', '* item\n', '1. ', '12) ', '> ', '```', '```js\n', '~~~\n', '`', '``',
  '**', '*', '_', '~~', '[x] ', '[a](http://b.c)', '[a]', '[a]: http://x.y "t"\n', '![i](u)', '| a | b |\n', '|:-:|--:|\n', '---\n', '===\n', '<b>', '</b>',
  '<script>', 'https://a.bc/d_e', '@anna ', '&amp;', '\\*', '\r\n', '😀', '  \n',
];
const markdown = fc.array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 6 })), { maxLength: 40 }).map((a) => a.join(''));

test('streamed at any cuts, a text ends as it does in one piece', () => {
  fc.assert(
    fc.property(markdown, fc.array(fc.nat(12), { minLength: 1, maxLength: 30 }), (text, sizes) => {
      const growing = new Blocks();
      for (let at = 0, i = 0; at < text.length; i++) growing.update(text.slice(0, (at += 1 + sizes[i % sizes.length]!)), false);
      expect(growing.update(text, true)).toEqual(whole(text));
    }),
    { numRuns: 600 },
  );
});

test('a closed block is never parsed again', () => {
  const growing = new Blocks();
  const first = growing.update('One\n\nTwo', false);
  const later = growing.update('One\n\nTwo and more\n\n```c\nint x;\n', false);
  expect(later[0]).toBe(first[0]);
  expect(later.map((block) => block.raw)).toEqual(['One\n\n', 'Two and more\n\n', '```c\nint x;\n']);
});

test('nothing of a text is lost between its blocks', () => {
  fc.assert(
    fc.property(markdown, (text) => {
      const raw = whole(text).map((block) => block.raw).join('');
      expect(raw.trim()).toBe(text.trim());
    }),
  );
});

test.each([
  ['headings and paragraphs', '# One\ntext\n\n## Two\n\nmore\nlines\n\n---\n\nend'],
  ['loose lists with code', '1. a\n\n   ```c\n   x\n\n   y\n   ```\n\n2. b\n\n   - c\n\n   - d\n\nAfter'],
  ['a fence with blank lines', 'Look:\n```py\na\n\n\nb\n```\nthen\n\n~~~\n```\n~~~\n'],
  ['quotes', '> a\n> b\n\n> c\nlazy\n\nout'],
  ['tables', 'before\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n\nafter'],
  ['indented code', 'a\n\n    code\n\n    more\n\nb'],
  ['tasks', '- [x] done\n- [ ] not\n\ntext'],
  ['setext', 'Head\n====\n\nHead two\n---\ntext'],
])('blocks say what the whole text says: %s', (_, text) => {
  const shape = (tokens: { type: string; text?: string }[]) => tokens.filter((token) => token.type !== 'space').map((token) => [token.type, (token.text ?? '').trim()]);
  expect(shape(tokensOf(text))).toEqual(shape(lexer(text, { gfm: true, breaks: true })));
});

test('a definition below what refers to it is found when the text is whole', () => {
  const growing = new Blocks();
  const text = 'See [this][1].\n\nMore.\n\n[1]: https://example.org';
  expect(JSON.stringify(growing.update(text, false)[0]!.tokens)).not.toContain('"href"');
  expect(JSON.stringify(growing.update(text, true)[0]!.tokens)).toContain('"href":"https://example.org"');
});

test('another text begins anew', () => {
  const growing = new Blocks();
  growing.update('One\n\nTwo\n\nThree', false);
  expect(growing.update('Other', false).map((block) => block.raw)).toEqual(['Other']);
});

const depthOf = (value: unknown): number => {
  let deepest = 0;
  const walk = (it: unknown, depth: number) => {
    if (!it || typeof it !== 'object') return;
    deepest = Math.max(deepest, depth);
    for (const inner of Object.values(it)) walk(inner, depth + (Array.isArray(it) ? 0 : 1));
  };
  walk(value, 0);
  return deepest;
};

test.each([['>'], ['> - '], ['- '], ['1. '], ['**_'], ['*_'], ['~~*'], ['['], ['![a]('], ['[a](']])('%s ten thousand times nests no deeper than anybody reads', (sign) => {
  expect(depthOf(tokensOf(sign.repeat(10_000) + 'x'))).toBeLessThan(60);
});

const SIZE = 65_536;
const fill = (text: string) => text.repeat(Math.ceil(SIZE / text.length)).slice(0, SIZE);
test.each([
  '*a ', '**a *b ', '*a_', '_a ', '`a``b', '[', '[a](', '![a]', '<a ', '<a@b', '> ', '- ', '|', 'a|b\n', '|a|b|\n|-|-|\n', 'http://a.', 'www.a_', 'a@', 'a_b@c.', '~~a',
  '[a]: b\n', ' ', '\n', 'a\n\n', 'a\n=', '\t', '&#', '\\*', '- a\n\n  b\n\n', '> a\nb\n', '[a]((', '*a **b _c __d ~~e `f [g](h) ', '[a][b]', 'http://a(',
])('64 KiB of %j take no longer than a moment', (sign) => {
  expect(work(() => tokensOf(fill(sign)))).toBeLessThan(1500);
});

test.each([' ', '\t', ' \t'])('64 KiB of %j between two words take no longer either, whole or growing', (blank) => {
  const text = `a${fill(blank)}b`, growing = new Blocks();
  expect(work(() => tokensOf(text))).toBeLessThan(300);
  expect(work(() => { for (let at = 0; at <= text.length; at += 4096) growing.update(text.slice(0, at), false); })).toBeLessThan(1500);
});

test('words that no line holds are told from texts that are only long', () => {
  expect(isEndless('*_'.repeat(600))).toBe(true);
  expect(isEndless('a word and '.repeat(1000) + 'https://example.org/' + 'a'.repeat(900))).toBe(false);
  expect(isEndless('x'.repeat(999))).toBe(false);
});

test('a wide table does not become a million cells', () => {
  const cells = JSON.stringify(tokensOf('|a'.repeat(3000) + '|\n' + '|-'.repeat(3000) + '|\n' + '|b\n'.repeat(300)));
  expect(cells.length).toBeLessThan(100_000);
});
