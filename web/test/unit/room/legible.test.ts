// What a room waits for before its texts are drawn: the lexer, where one of them needs it, and not for ever.
import { mount } from '@vue/test-utils';
import { defineComponent, shallowRef } from 'vue';
import { beforeEach, expect, test, vi } from 'vitest';
import { useLegible } from '@/features/room/legible';
import type { Row } from '@/features/message/rows';

const lexing = vi.hoisted(() => ({ come: () => {}, withLexer: (): Promise<void> => Promise.resolve() }));
vi.mock('@/md/lexing', async () => ({ lexer: (await import('vue')).shallowRef(null), withLexer: () => lexing.withLexer() }));

const row = (text: string) => ({ key: text, item: { message: { text } } }) as Row;
function room(...texts: string[]) {
  const rows = shallowRef(texts.map(row));
  let legible = { value: false };
  const shown = mount(defineComponent(() => ((legible = useLegible(rows)), () => null)));
  return { rows, shown, legible };
}
const turn = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  const coming = new Promise<void>((done) => (lexing.come = done));
  lexing.withLexer = () => coming;
});

test('words are drawn at once, more than words with the lexer', async () => {
  expect(room('Words.').legible.value).toBe(true);
  const { legible } = room('Words.', '**More**');
  await turn();
  expect(legible.value).toBe(false);
  lexing.come();
  await turn();
  expect(legible.value).toBe(true);
});

test('an empty room waits for nothing but its first message', async () => {
  const { rows, legible } = room();
  await turn();
  expect(legible.value).toBe(false);
  rows.value = [row('**First**')];
  await turn();
  lexing.come();
  await turn();
  expect(legible.value).toBe(true);
});

test('where the lexer can not be had, or never comes, the texts are there as they were written', async () => {
  lexing.withLexer = () => Promise.resolve();
  const refused = room('**More**').legible;
  await turn();
  expect(refused.value).toBe(true);
  lexing.withLexer = () => new Promise(() => {});
  const { legible } = room('**More**');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(legible.value).toBe(false);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(legible.value).toBe(true);
});
