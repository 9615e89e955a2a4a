import { flushPromises, mount } from '@vue/test-utils';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { nextTick } from 'vue';
import { t } from '@/app/i18n';
import { Blocks } from '@/md/blocks';
import { setAside, type Formula } from '@/md/formulas';
import Markdown from '@/md/Markdown.vue';
import { work } from './cost';

const found = (text: string) => (setAside(text)?.formulas ?? []).map(({ tex, display }) => (display ? [tex.trim(), 'display'] : [tex]));
const draw = (text: string) => mount(Markdown, { props: { text } }).element as HTMLElement;

beforeAll(async () => {
  mount(Markdown, { props: { text: '$x$' } });
  await import('@/md/math/draw');
  await flushPromises();
});

test.each([
  ['$x$', [['x']]],
  ['so $a_1 + b_2$, and $c$.', [['a_1 + b_2'], ['c']]],
  ['the $n$th of $k$-s', [['n'], ['k']]],
  ['$$x^2$$', [['x^2', 'display']]],
  ['$$\nx = 1\n$$', [['x = 1', 'display']]],
  ['\\(a < b\\) and \\[c\\]', [['a < b'], ['c', 'display']]],
  ['> $$\n> x\n> = y\n> $$', [['x\n= y', 'display']]],
  ['\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}', [['\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}', 'display']]],
  ['цена \\$5, $x$ и `$y$`', [['x']]],
  ['$\\text{a \\$ b}$', [['\\text{a \\$ b}']]],
])('formulas in %j', (text, formulas) => expect(found(text)).toEqual(formulas));

test.each([
  '$5 and $10', 'US$5–US$10', 'from $5 to $7.50 a month', '$5/$10', 'set $HOME and $PATH', '$HOME/$USER', 'a $ b $ c', '$ x$', '$x $', '$x', 'x$', '$$', '$$$', '$$ $$', '$100 million and 200$',
  '`$x$` and ``$y`$``', '\\$x\\$', '$a\nb$', '$$a\n\nb$$', '\\(see below\\), \\[not a link\\]', '\\(x', '\\[x', '\\begin{aligned} x', 'a \\begin{aligned} x \\end{aligned}', '\\begin{verbatim}x\\end{verbatim}', 'https://a.bc/?a=$x$&b=$y$', 'кофе за 5$ и 10$',
])('no formulas in %j', (text) => {
  expect(found(text)).toEqual([]);
});

test('no sign of a formula means anything to the text around it', () => {
  const root = draw('**bold $x^* y_1$ on** and $a_1$ with _$b_2$_\n\n| $|x|$ | b |\n|-|-|\n| $a | b$ | c |\n\n- $$\n  - x\n  + y\n  $$');
  expect(root.querySelectorAll('math')).toHaveLength(6);
  expect([...root.querySelectorAll('strong, em')].map((e) => e.textContent)).toEqual(['bold x∗y1 on', 'b2']);
  expect(root.querySelectorAll('th')).toHaveLength(2);
  expect(root.querySelectorAll('li')).toHaveLength(1);
});

test('what is code or an address stays as it was written', () => {
  expect(draw('`$x$` [a $y$](https://a.bc/$z$_$w$) <https://a.bc/$q$>').querySelector('a')!.href).toContain('https://a.bc/$z$_$w$');
  expect(draw('1. a\n\n   ```sh\n   echo $a$ `b`\n   ```').querySelector('pre')!.textContent).toBe('echo $a$ `b`');
  expect(draw('    $x$ indented').textContent).toContain('$x$ indented');
  expect(draw('[$x$]: https://a.bc\n\n[b]: https://a.bc/$y$\n\nsee [b]').querySelector('a')!.href).toBe('https://a.bc/$y$');
  expect(draw('private \ue000 and $x$').textContent).toBe('private \ue000 and $x$');
});

test('a block of math is a formula once it is whole', async () => {
  const view = mount(Markdown, { props: { text: '```math\n\\frac{1}{2}\n', live: true } });
  expect(view.element.querySelector('pre')).not.toBeNull();
  await view.setProps({ text: '```math\n\\frac{1}{2}\n```', live: false });
  expect(view.element.querySelector('math[display=block] mfrac')).not.toBeNull();
});

test('what cannot be drawn is shown as it was written, in the style of code', () => {
  expect(draw(`$$${'{'.repeat(200)}$$`).querySelector('code')!.textContent).toBe(`$$${'{'.repeat(200)}$$`);
  const root = draw('$\\foo{x} + \\alpha$');
  expect(root.querySelector('.unknown')!.textContent).toBe('\\foo');
  expect(root.querySelector('math')!.textContent).toBe('\\foox+α');
});

test('a long formula breaks behind its signs; what cannot break scrolls', () => {
  const long = draw(`$${'a + b = '.repeat(6)}c$`);
  expect(long.querySelectorAll('math')).toHaveLength(13);
  expect(long.querySelectorAll('wbr')).toHaveLength(12);
  expect(draw(`$\\frac{${'x'.repeat(60)}}{y}$`).querySelector('.formula.inline math')).not.toBeNull();
});

test('what is wider than the message scrolls by the keyboard, and says what it is', () => {
  const formula = draw('$$x$$').querySelector('.formula')!;
  expect([formula.getAttribute('tabindex'), formula.getAttribute('role'), formula.getAttribute('aria-label')]).toEqual(['0', 'group', t('md.formula')]);
});

const pieces = ['$', '$$', '\\(', '\\)', '\\[', '\\]', '\\frac{a}{b}', '^', '_', '{', '}', '&', '\\\\', '\\begin{cases}', '\\end{cases}', '\\left(', '\\right)', '\\foo', 'x', 'word ', ' ', '\n', '\n\n', '`', '**', '> ', '- ', '|', '$x$', '5', '\\text{', '%', "'", '~', '\u0301', '😀', 'слово'];
const texts = fc.array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 5 })), { maxLength: 30 }).map((parts) => parts.join(''));

test('whatever is written, nothing throws, and streamed it ends as it does in one piece', async () => {
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }), async (text, sizes) => {
      const growing = new Blocks();
      for (let at = 0, i = 0; at < text.length; i++) growing.update(text.slice(0, (at += 1 + sizes[i % sizes.length]!)), false);
      expect(growing.update(text, true)).toEqual(new Blocks().update(text, true));
      const view = mount(Markdown, { props: { text: text.slice(0, text.length >> 1), live: true } });
      await view.setProps({ text, live: false });
      await nextTick();
      expect(view.element.innerHTML.replace('<!--v-if-->', '')).toBe(draw(text).innerHTML);
    }),
    { numRuns: 150 },
  );
});

test('no word of a text is lost, whatever dollars and braces stand between', () => {
  const words = fc.array(fc.oneof(fc.constantFrom('$', '$$', '{', '}', '^', '_', '&', ' ', "'", ' + ', '\\(', '\\)', '\\[', '\\]', '\\,'), fc.stringMatching(/^[a-wA-Z]{1,4}$/)), { maxLength: 30 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(words, (text) => {
      const letters = (s: string) => s.replace(/[^a-zA-Z]/g, '');
      expect(letters(draw(`z ${text}`).textContent!)).toBe(letters(`z${text}`));
    }),
    { numRuns: 400 },
  );
});

test('what is set aside and put back is the whole text', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const aside = setAside(text);
      if (aside) expect(aside.text.replace(/[\ue000-\uf8ff]/g, (mark) => aside.formulas[mark.charCodeAt(0) - 0xe000]!.raw)).toBe(text);
    }),
  );
});

test.each(['$', '$$', '$a ', '$a$', '\\(', '\\[', '\\(a', '$$a', '`$', '``$`', '\\begin{aligned}', '\\begin{aligned}\n', '$$\n', '$a\n', '\\', 'a$ $b'])('64 KiB of %j take no longer than a moment', (sign) => {
  const text = sign.repeat(Math.ceil(65_536 / sign.length));
  expect(work(() => new Blocks().update(text, true))).toBeLessThan(1500);
});

test('the tokens of a text have its formulas where they stood', () => {
  const [block] = new Blocks().update('a $x$ b', true);
  const inline = (block!.tokens[0] as { tokens: { type: string }[] }).tokens;
  expect(inline.map((token) => (token.type === 'math' ? (token as unknown as Formula).tex : token.type))).toEqual(['text', 'x', 'text']);
});
