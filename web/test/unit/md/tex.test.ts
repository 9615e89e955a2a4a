import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Node } from '@/md/math/row';
import { read, Refused } from '@/md/math/tex';
import { work } from './cost';

const ROOM = new Set(['lspace', 'rspace', 'stretchy', 'symmetric']);
const show = (node: Node | string): string =>
  typeof node === 'string' ? node : `<${node.tag}${Object.entries(node.attrs).filter(([name]) => !ROOM.has(name)).map(([name, value]) => ` ${name}=${value}`).join('')}>${node.kids.map(show).join('')}</>`;
const drawn = (tex: string) => read(tex).map(show).join('');
const words = (node: Node | string): string => (typeof node === 'string' ? node : node.kids.map(words).join(''));
const said = (tex: string) => read(tex).map(words).join('');

test.each([
  ['x^2', '<msup><mi>x</><mn>2</></>'],
  ['x_i^{n+1}', '<msubsup><mi>x</><mi>i</><mrow><mi>n</><mo form=infix>+</><mn>1</></></>'],
  ['-x', '<mo form=prefix>−</><mi>x</>'],
  ['a = -b', '<mi>a</><mo>=</><mo form=prefix>−</><mi>b</>'],
  ['3.14', '<mn>3.14</>'],
  ['x^12', '<msup><mi>x</><mn>1</></><mn>2</>'],
  ["f''", '<msup><mi>f</><mo>″</></>'],
  ['\\frac12', '<mfrac><mn>1</><mn>2</></>'],
  ['{a \\over b}', '<mfrac><mi>a</><mi>b</></>'],
  ['\\binom{n}{k}', '<mrow><mo class=tall-4>(</><mfrac linethickness=0><mi>n</><mi>k</></><mo class=tall-4>)</></>'],
  ['\\sqrt{x}', '<msqrt><mi>x</></>'],
  ['\\sqrt[3]{x}', '<mroot><mi>x</><mrow><mn>3</></></>'],
  ['\\alpha\\Omega', '<mi>α</><mi mathvariant=normal>Ω</>'],
  ['\\mathbb{R}\\mathcal{L}\\mathfrak{g}', '<mi>ℝ</><mi>ℒ</><mi>𝔤</>'],
  ['\\mathrm{kg}', '<mi mathvariant=normal>kg</>'],
  ['\\mathbf v', '<mi mathvariant=normal class=bf>v</>'],
  ['\\sin x', '<mi mathvariant=normal>sin</><mspace width=0.1667em></><mi>x</>'],
  ['\\sin(x)', '<mi mathvariant=normal>sin</><mo>(</><mi>x</><mo>)</>'],
  ['\\sum_{i}^n', '<munderover><mo class=large>∑</><mi>i</><mi>n</></>'],
  ['\\int_0^1', '<msubsup><mo class=large>∫</><mn>0</><mn>1</></>'],
  ['\\int\\limits_0^1', '<munderover><mo class=large>∫</><mn>0</><mn>1</></>'],
  ['\\hat{x}', '<mover accent=true><mi>x</><mo>ˆ</></>'],
  ['\\text{if $x$ is 5\\%}', '<mtext>if $x$ is 5%</>'],
  ['\\left( x \\right.', '<mrow><mo>(</><mi>x</></>'],
  ['\\not=\\not\\in', '<mo>≠</><mo>∉</>'],
  ['\\displaystyle x', '<mstyle displaystyle=true scriptlevel=0><mi>x</></>'],
  ['x % a remark\ny', '<mi>x</><mi>y</>'],
  ['\\operatorname{rank} A', '<mi mathvariant=normal>rank</><mspace width=0.1667em></><mi>A</>'],
])('%s', (tex, mathml) => expect(drawn(tex)).toBe(mathml));

test('tables: matrices, cases, aligned lines', () => {
  expect(drawn('\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}')).toBe('<mrow><mo class=tall-5>(</><mtable class=matrix><mtr><mtd><mrow><mi>a</></></><mtd><mrow><mi>b</></></></><mtr><mtd><mrow><mi>c</></></><mtd><mrow><mi>d</></></></></><mo class=tall-5>)</></>');
  expect(drawn('\\begin{cases} 1 & x \\\\[2pt] 2 \\end{cases}')).toContain('<mtr><mtd class=l><mrow><mn>2</></></></>');
  expect(drawn('\\begin{aligned} a &= b \\end{aligned}')).toBe('<mtable class=aligned displaystyle=true><mtr><mtd class=r><mrow><mi>a</></></><mtd class=l><mrow><mo>=</><mi>b</></></></></>');
  expect(drawn('\\begin{array}{l|r} a & b \\end{array}')).toContain('<mtd class=l><mrow><mi>a</></></><mtd class=r>');
  expect(drawn('a \\\\ b')).toContain('class=gathered');
});

test('what is not known is shown as it was written', () => {
  expect(drawn('\\foo{x}')).toBe('<mtext class=unknown>\\foo</><mi>x</>');
  expect(drawn('\\constructor \\__proto__')).toContain('\\constructor');
  expect(said('\\begin{tikzpicture} x \\end{tikzpicture}')).toContain('\\begin{tikzpicture}');
  expect(said('}x{')).toBe('}x');
});

test.each(['{', '\\frac{', '\\left(', '\\sqrt', '\\sqrt[', '\\begin{cases} a &', '\\begin', '\\end{x}', '\\right)', '^', '_', "'", '\\', '\\text{', '&', '\\\\', '\\not', '\\hat', '\\over', '\\big', '\\substack{a\\\\', '\\operatorname', '\\hspace', '%'])(
  'unfinished: %s',
  (tex) => {
    expect(() => read(tex)).not.toThrow();
    expect(said(`z${tex}`)).toContain('z');
  },
);

test.each([['{'], ['\\frac{'], ['\\sqrt{'], ['\\left('], ['^{'], ['x_'], ['\\hat'], ['\\begin{cases}'], ['\\displaystyle '], ['\\mathbf'], ['\\substack{'], ['\\sqrt[']])('%s thousands of times is refused, and quickly', (tex) => {
  expect(work(() => expect(() => read(tex.repeat(Math.floor(8000 / tex.length)))).toThrow(Refused))).toBeLessThan(500);
});

test('a hundred kilobytes are no formula', () => {
  expect(() => read('x'.repeat(100_000))).toThrow(Refused);
  expect(() => read('a+'.repeat(3999))).toThrow(Refused);
});

const pieces = ['{', '}', '^', '_', '&', '\\\\', '\\frac', '\\left', '\\right', '(', ')', '|', '\\begin{matrix}', '\\end{matrix}', '\\begin', '\\sqrt', '[', ']', '\\text{', '\\over', '\\sum', '\\limits', '\\not', 'x', '12', "'", '\\hat', '\\mathbb', '\\big', '\\substack{', '\\color{red}', '\\', '%', '\n', 'ж'];
test('whatever is written, it is read or refused, in elements that are MathML', () => {
  const TAGS = /^(mi|mn|mo|mtext|mspace|mrow|mfrac|msqrt|mroot|mstyle|mphantom|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd)$/;
  const COUNTS: Record<string, number> = { mfrac: 2, mroot: 2, msub: 2, msup: 2, munder: 2, mover: 2, msubsup: 3, munderover: 3 };
  const valid = (node: Node | string): void => {
    if (typeof node === 'string') return;
    expect(node.tag).toMatch(TAGS);
    if (COUNTS[node.tag]) expect(node.kids).toHaveLength(COUNTS[node.tag]!);
    for (const name of Object.keys(node.attrs)) expect(name).toMatch(/^(class|mathvariant|form|lspace|rspace|stretchy|symmetric|minsize|maxsize|width|displaystyle|scriptlevel|linethickness|accent|accentunder|movablelimits)$/);
    node.kids.forEach(valid);
  };
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...pieces) }, fc.string({ maxLength: 4 })), { maxLength: 40 }), (parts) => {
      try {
        read(parts.join('')).forEach(valid);
      } catch (fault) {
        if (!(fault instanceof Refused)) throw fault;
      }
    }),
    { numRuns: 2000 },
  );
});

test('no room is negative, and scripts in scripts make no fence tower over what is around', () => {
  expect(drawn('x' + '\\!'.repeat(1000) + 'y')).not.toContain('-');
  expect(drawn(`\\left( ${'x_{'.repeat(18)}y${'}'.repeat(18)} \\right)`)).toMatch(/tall-3/);
});
