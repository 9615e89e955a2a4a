import { expect, test } from 'vitest';
import { excerpt } from '@/features/message/excerpt';
import { whereOf } from '@/features/message/where';
import { splitMentions } from '@/md/mentions';

test('an excerpt is one line without markup', () => {
  expect(excerpt('# Head\n\n- **one** `two`\n> see [this](http://x.y)\n```c\nint x;\n```')).toBe('Head one two see this int x;');
  expect(excerpt('😀'.repeat(200), 5)).toBe('😀😀😀😀😀…');
  expect(excerpt('snake_case_name stays')).toBe('snake_case_name stays');
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
