// The lexer comes later than the first screen: what needs it is there as it was written, and is read anew when it has come.
import { mount } from '@vue/test-utils';
import { nextTick } from 'vue';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lexer } from '@/md/lexing';
import Markdown from '@/md/Markdown.vue';
import { isRead } from '@/md/memory';

const come = lexer.value;
beforeEach(() => void (lexer.value = null));
afterEach(() => void (lexer.value = come));

test('words and code do not wait for it', () => {
  expect(isRead('Words, and nothing else.')).toBe(true);
  expect(isRead('Words.\n\n```js\nlet x = 1;\n```')).toBe(true);
  expect(isRead('**More** than words')).toBe(false);
});

test('a whole text is drawn again', async () => {
  const shown = mount(Markdown, { props: { text: 'One *two* three' } });
  expect(shown.text()).toBe('One *two* three');
  lexer.value = come;
  await nextTick();
  expect(shown.find('em').text()).toBe('two');
});

test('so is one that grows, also the blocks that were closed before', async () => {
  const shown = mount(Markdown, { props: { text: '1. *one*\n\nand *two*\n\nand', live: true } });
  expect(shown.find('em').exists()).toBe(false);
  lexer.value = come;
  await nextTick();
  await nextTick();
  expect(shown.findAll('em').map((em) => em.text())).toEqual(['one', 'two']);
  await shown.setProps({ text: '1. *one*\n\nand *two*\n\nand *three*', live: false });
  expect(shown.findAll('em').length).toBe(3);
});
