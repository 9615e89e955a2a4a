import { mount } from '@vue/test-utils';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { nextTick } from 'vue';
import Markdown from '@/md/Markdown.vue';

const draw = (text: string, props = {}) => mount(Markdown, { props: { text, ...props } }).element as HTMLElement;
const ALLOWED = /^(DIV|P|H2|UL|OL|LI|INPUT|STRONG|EM|DEL|CODE|PRE|FIGURE|FIGCAPTION|BUTTON|SPAN|BR|HR|A|TABLE|THEAD|TBODY|TR|TH|TD|BLOCKQUOTE)$/;

function harmless(root: HTMLElement) {
  for (const element of root.querySelectorAll('*')) {
    expect(element.tagName).toMatch(ALLOWED);
    for (const { name, value } of element.attributes) {
      expect(name).not.toMatch(/^on|^style$|^src|^srcdoc$|^formaction$/i);
      if (name === 'href') expect(value).toMatch(/^(https?|mailto):/);
    }
  }
  for (const link of root.querySelectorAll('a')) expect(link.rel).toContain('noopener');
}

const HOSTILE = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '[x](javascript:alert(1))', '[x](JaVaScRiPt:alert(1))', '[x](java\nscript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)', '[x](vbscript:x)', '![x](http://evil.example/p.png)', '![x](javascript:alert(1))', '<javascript:alert(1)>', '[x]: javascript:alert(1)\n\n[x]',
  '<a href="javascript:alert(1)">x</a>', '<iframe src=//evil.example></iframe>', '[x](http://a"onmouseover="alert(1))', '[x](<http://a b" onclick=alert(1)>)', '`<img src=x onerror=alert(1)>`',
  '```html\n<script>alert(1)</script>\n```', '| <b> |\n|-|\n| <img src=x onerror=alert(1)> |', '[x](&#106;avascript:alert(1))', '[x](\u0001javascript:alert(1))', '<style>*{display:none}</style>', '{{constructor.constructor("alert(1)")()}}',
  '[x](file:///etc/passwd)', '[x](//evil.example)', '[x](/r/a)', '<details open ontoggle=alert(1)>', '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
];

test.each(HOSTILE)('hostile text stays text: %s', (text) => {
  const root = draw(text);
  harmless(root);
  expect(root.querySelector('script,img,iframe,svg,style,details')).toBeNull();
});

test('whatever is written, only known elements with known attributes come of it', () => {
  const piece = fc.oneof(fc.constantFrom(...HOSTILE, '**', '\n', '\n\n', '> ', '- ', '`', '[', '](', ')', '|'), fc.string({ maxLength: 8 }));
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (parts) => harmless(draw(parts.join('')))), { numRuns: 200 });
});

test('markup of other people is shown as they wrote it', () => {
  expect(draw('a <b>bold</b> &lt;move&gt; &amp;c').textContent).toBe('a <b>bold</b> <move> &c');
});

test('a picture is a link to it', () => {
  const root = draw('![a cat](https://example.org/cat.png)');
  expect(root.querySelector('a')!.href).toBe('https://example.org/cat.png');
  expect(root.textContent).toBe('a cat');
});

test('links open elsewhere and tell nobody from where', () => {
  const link = draw('see https://example.org/a_b?c=d.').querySelector('a')!;
  expect([link.target, link.rel, link.textContent]).toEqual(['_blank', 'noopener noreferrer nofollow ugc', 'https://example.org/a_b?c=d']);
});

test('who is mentioned is marked, also at the end of a sentence and within bold words; others are not', () => {
  const root = draw('@anna, **@Boris.** and @carl; mail anna@boris.org, `@anna`', { mentions: ['anna', 'boris'], me: 'boris' });
  expect([...root.querySelectorAll('.mention')].map((e) => [e.textContent, e.classList.contains('me')])).toEqual([['@anna', false], ['@Boris', true]]);
});

test('a table says by class how its columns stand', () => {
  const cells = [...draw('| a | b |\n|:-:|--:|\n| 1 | 2 |').querySelectorAll('th,td')];
  expect(cells.map((cell) => [cell.className, cell.getAttribute('style')])).toEqual([['ta-center short', null], ['ta-right short', null], ['ta-center short', null], ['ta-right short', null]]);
});

test('tasks are ticked, and nobody can tick them', () => {
  const boxes = [...draw('- [x] one\n- [ ] two').querySelectorAll('input')];
  expect(boxes.map((box) => [box.checked, box.disabled])).toEqual([[true, true], [false, true]]);
});

test('a line break is one, as in a chat', () => {
  expect(draw('one\ntwo').querySelectorAll('br')).toHaveLength(1);
});

test('a growing text draws what the whole one does', async () => {
  const text = '# Head\n\nText **bold**\n\n- a\n- b\n\n```c\nint x;\n\nint y;\n```\n\n| a |\n|-|\n| 1 |\n\n> quote\n';
  const view = mount(Markdown, { props: { text: '', live: true } });
  for (let at = 0; at < text.length; at += 3) {
    await view.setProps({ text: text.slice(0, at) });
    if (at % 9 === 0) await new Promise((done) => requestAnimationFrame(done));
  }
  await view.setProps({ text, live: false });
  await nextTick();
  expect(view.element.innerHTML.replace('<!--v-if-->', '')).toBe(draw(text).innerHTML);
});

test('a text of thousands of paragraphs is shown in part, until one asks for all', async () => {
  const view = mount(Markdown, { props: { text: 'a\n\n'.repeat(2000) } });
  expect(view.element.querySelectorAll('p').length).toBeLessThan(400);
  await view.get('button.more').trigger('click');
  expect(view.element.querySelectorAll('p')).toHaveLength(2000);
});

test('an answer of thousands of paragraphs grows to its end', async () => {
  const view = mount(Markdown, { props: { text: 'a\n\n'.repeat(290), live: true } });
  await view.setProps({ text: 'a\n\n'.repeat(1000), live: true });
  await vi.waitFor(() => expect(view.element.querySelectorAll('p')).toHaveLength(1000));
  await view.setProps({ live: false });
  expect(view.element.querySelectorAll('p')).toHaveLength(1000);
});

test('a reference to no character is what was written, whatever objects are made of', () => {
  for (const text of ['&toString;', '&valueOf;', 'a &nosuch; b']) expect(draw(text).textContent).toBe(text);
});

test('code is read in the order that it runs in', () => {
  const text = '/*\u202e } \u2066if (admin)\u2069 \u2066 begin */';
  for (const around of [`\`\`\`js\n${text}\n\`\`\``, `\`${text}\``]) {
    const code = draw(around).querySelector('code')!.textContent!;
    expect(code).toContain('/*[U+202E] } [U+2066]if (admin)[U+2069]');
    expect(code).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  }
});

test.each([
  ['[https://bank.example/](https://evil.example/)', 'https://bank.example/ (evil.example)'],
  ['[https://bank.example](https://bank.example@evil.example:8080/)', 'https://bank.example (evil.example:8080)'],
  ['[www.bank.example](mailto:a@evil.example)', 'www.bank.example (mailto:a@evil.example)'],
  ['[https://bank.example/a?b](https://bank.example/c)', 'https://bank.example/a?b'],
  ['[the bank](https://bank.example/)', 'the bank'],
  ['https://b\u0430nk.example/', 'https://b\u0430nk.example/'],
  ['www.bank.example', 'www.bank.example'],
  ['[](https://evil.example/)', 'https://evil.example/'],
  ['[\u200b\u3164](https://evil.example/)', '\u200b\u3164https://evil.example/'],
])('a link says where it leads, if its words say nothing or another place: %s', (text, said) => {
  expect(draw(text).querySelector('a')!.textContent).toBe(said);
});
