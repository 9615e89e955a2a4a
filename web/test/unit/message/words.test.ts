import { expect, test } from 'vitest';
import { excerpt } from '@/features/message/excerpt';
import { whereOf } from '@/features/message/where';
import { splitMentions } from '@/md/mentions';
import { work } from '../md/cost';

test('an excerpt is one line without markup', () => {
  expect(excerpt('# Head\n\n- **one** `two`\n> see [this](http://x.y)\n```c\nint x;\n```')).toBe('Head one two see this int x;');
  expect(excerpt('😀'.repeat(200), 5)).toBe('😀😀😀😀😀…');
  expect(excerpt('snake_case_name stays')).toBe('snake_case_name stays');
});

test.each([
  ['*missing* and _this_, ***both***, ~~gone~~', 'missing and this, both, gone'],
  ['**bold and *thin* in it**', 'bold and thin in it'],
  ['2 * 3 * 4, a_b_c, __init__, 5 ** 2', '2 * 3 * 4, a_b_c, init, 5 ** 2'],
  ['`a_b_ *c*` and ``x`y``', 'a_b_ *c* and x`y'],
  ['```py\ndef f(x):\n    return x ** 2  # _a_\n```\nafter', 'def f(x): return x ** 2 # _a_ after'],
  ['~~~\n*raw*', '*raw*'],
  ['```one line```', 'one line'],
  ['Roots:\n$$x_{1,2} = \\frac{-b}{2a}$$\nand $a_i * b_i$.', 'Roots: x_{1,2} = \\frac{-b}{2a} and a_i * b_i.'],
  ['\\(x_1\\) or \\[y_1\\]', 'x_1 or y_1'],
  ['\\begin{cases}a_1 \\\\ b_1\\end{cases}', '\\begin{cases}a_1 \\\\ b_1\\end{cases}'],
  ['$5 and $10, $5/$10', '$5 and $10, $5/$10'],
  ['\\*not so\\*', '*not so*'],
  ['> - [x] done\n> - [ ] **not**', 'done not'],
  ['1. one\n2) two', 'one two'],
  ['![a cat](x.png) [wiki](http://x/a_(b)) <https://a.b/c_d_e>', 'a cat wiki https://a.b/c_d_e'],
  ['Head\n===\n\n---\ntext', 'Head text'],
  ['| a | b |\n|---|:-:|\n| 1 | 2 |', 'a | b 1 | 2'],
  ['**', '**'],
  ['', ''],
])('%j reads %j', (text, read) => expect(excerpt(text)).toBe(read));

test('a hostile text costs an excerpt no more than any other', () => {
  for (const part of ['*a', '**', '_a ', '`', '``a', '$a', '$$a', '\\(', '\\[', '\\begin{a}', '[', '[a](', '![', '<http:', '> ', '- ', '> - ', '~~', '|', '|-', '```\n', '\n', ' ', '\ue000', '\ud800', '(((', '\\']) {
    const took = work(() => expect([...excerpt(part.repeat(100_000), 240)].length).toBeLessThanOrEqual(241));
    expect(took, part).toBeLessThan(200);
  }
});

test.each([
  ['this_node', 0], ['lan:nas.local', 1], ['own_worker:attic', 1], ['cloud:api.example.com', 2], ['moon:base', 2], ['', 2],
])('%s is %i far', (destination, far) => expect(whereOf(destination).far).toBe(far));

test('a name is somebody’s only as a whole', () => {
  const names = new Set(['anna', 'anna.b']);
  const found = (text: string) => splitMentions(text, names).filter((piece) => piece.name).map((piece) => piece.name);
  expect(found('@anna.')).toEqual(['anna']);
  expect(found('@anna.b, @ANNA')).toEqual(['anna.b', 'anna']);
  expect(found('x@anna @annab (@anna)')).toEqual(['anna']);
});
