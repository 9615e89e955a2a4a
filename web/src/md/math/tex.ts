// TeX's formulas to MathML's elements, as a tree of plain objects.
//
// What people and models write in chats, not TeX itself: nothing can be defined. What is not known is shown as it was
// written, a group that nobody closes ends with the formula, and what is longer or nests deeper than any formula is
// refused. So nothing is ever lost, and nothing takes longer than a moment.

import { BIG, FENCED, FRACTIONS, INFIX, MARKED, NEGATED, PRIMES, SILENT, SIZES, STYLES, TALL_MAX, TEXTS, type Style } from './commands';
import { heightOf, spaced, type Node } from './row';
import { ACCENTS, DELIMITERS, functionOf, inAlphabet, kindOf, letterOf, SPACES, symbolOf, type Kind } from './symbols';
import { layoutOf, type Layout } from './tables';

/** Not a formula that can be drawn. */
export class Refused extends Error {}

const CHARS_MAX = 8000;
const DEPTH_MAX = 40;
const NODES_MAX = 6000;

/** The formula's elements, in a row. Throws Refused. */
export function read(tex: string): Node[] {
  if (tex.length > CHARS_MAX) throw new Refused('too long');
  const reader = new Reader(tex);
  const row = reader.row();
  if (reader.done) return spaced(row);
  return [new Reader(tex).lines()]; // more than one, or something that nobody opened
}

class Reader {
  private at = 0;
  private depth = 0;
  private count = 0;
  private small = 0; // how deep in scripts: there is less room
  private style: Style = '';

  constructor(private readonly src: string) {}

  get done(): boolean {
    this.pass();
    return this.at >= this.src.length;
  }

  // ---- characters and names

  /** The next character or command, without taking it; empty at the end. */
  private peek(): string {
    this.pass();
    const { src, at } = this;
    if (src[at] !== '\\') return at < src.length ? String.fromCodePoint(src.codePointAt(at)!) : '';
    return /^\\(?:[a-zA-Z]+|[^]?)/.exec(src.slice(at, at + 40))![0];
  }
  private take(): string {
    const token = this.peek();
    this.at += token.length;
    return token;
  }
  private took(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at += token.length;
    return true;
  }
  /** Room and remarks mean nothing. */
  private pass(): void {
    for (;;) {
      while (this.at < this.src.length && /\s/.test(this.src[this.at]!)) this.at++;
      if (this.src[this.at] !== '%') return;
      const end = this.src.indexOf('\n', this.at);
      this.at = end < 0 ? this.src.length : end + 1;
    }
  }

  /** What stands in braces, or one sign, as it is written. */
  private raw(open = '{', close = '}'): string | undefined {
    const first = this.peek();
    if (first !== open) return open === '{' ? this.take().replace(/^\\(?=.$)/, '') : undefined;
    const begin = ++this.at;
    for (let depth = 0; this.at < this.src.length; this.at++) {
      const char = this.src[this.at]!;
      if (char === '\\') this.at++;
      else if (char === close && depth === 0) return this.src.slice(begin, this.at++);
      else if (char === '{') depth++;
      else if (char === '}') depth--;
    }
    return this.src.slice(begin);
  }

  // ---- elements

  private node(tag: string, kids: Node['kids'], kind: Node['kind'] = 'ord', attrs: Record<string, string> = {}): Node {
    if (++this.count > NODES_MAX) throw new Refused('too many parts');
    return { tag, kids, attrs, kind };
  }
  private group(kids: Node[]): Node {
    return kids.length === 1 && kids[0]!.kind !== 'space' && !kids[0]!.sign ? kids[0]! : this.node('mrow', spaced(kids));
  }
  private sign(sign: string, kind: Kind): Node {
    const room = this.small ? 0 : kind === 'rel' ? 0.2778 : kind === 'bin' ? 0.2222 : 0;
    const behind = kind === 'punct' && !this.small ? 0.1667 : room;
    return { ...this.node('mo', [sign], kind, { lspace: em(room), rspace: em(behind), stretchy: 'false' }), sign: true };
  }
  private fence(sign: string, kind: Kind, height: number, fixed = false): Node {
    const steps = Math.min(TALL_MAX, Math.round(height * 2));
    const attrs: Record<string, string> = { stretchy: 'true', symmetric: 'true', lspace: '0em', rspace: '0em', ...(steps > 2 ? { class: `tall-${steps}` } : {}) };
    if (fixed) Object.assign(attrs, { minsize: em(height), maxsize: em(height) });
    return this.node('mo', [sign], kind, attrs);
  }
  /** With what grows around it. */
  private fenced(open: string, inside: Node[], close: string): Node {
    const height = heightOf(inside);
    return this.node('mrow', [...(open ? [this.fence(open, 'open', height)] : []), ...inside, ...(close ? [this.fence(close, 'close', height)] : [])]);
  }
  private space(width: number): Node {
    return this.node('mspace', [], 'space', { width: em(width) });
  }
  private unknown(text: string): Node {
    return this.node('mtext', [text], 'ord', { class: 'unknown' });
  }

  /** What ends a row where nothing began: shown as it is. */
  private stray(): Node {
    return this.unknown(this.take());
  }

  /** Lines and columns without an environment around them. */
  lines(): Node {
    return this.rows(layoutOf(/(?<!\\)&/.test(this.src) ? 'aligned' : 'gathered')!, '');
  }

  private deeper<T>(go: () => T): T {
    if (++this.depth > DEPTH_MAX) throw new Refused('too deep');
    const { style } = this;
    const result = go();
    this.style = style;
    this.depth--;
    return result;
  }

  // ---- rows

  /** Up to what ends it, which is left to who began it. */
  row(ends: (token: string) => boolean = () => false): Node[] {
    const row: Node[] = [];
    for (let token = this.peek(); token && !ends(token) && !isEnd(token); token = this.peek()) {
      const name = token.slice(1);
      const infix = token[0] === '\\' ? own(INFIX, name) : undefined;
      if (infix) {
        this.take();
        return [this.fraction(this.group(row), this.group(this.row(ends)), infix)];
      }
      const size = token[0] === '\\' ? own(SIZES, name) : undefined;
      if (size) {
        this.take();
        row.push(this.node('mstyle', spaced(this.deeper(() => this.row(ends))), 'ord', { displaystyle: size[0], scriptlevel: size[1] }));
        return row;
      }
      if (token[0] === '\\' && own(STYLES, name) !== undefined && /^(rm|bf|it|cal)$/.test(name)) {
        this.take();
        this.style = STYLES[name]!;
        continue;
      }
      const part = this.scripted(this.atom());
      if (part) row.push(part);
    }
    return row;
  }

  /** One sign, one command with what it takes, or a group. */
  private argument(): Node {
    return this.deeper(() => {
      const token = this.peek();
      if (!token || isEnd(token)) return this.node('mrow', []);
      return this.atom(true) ?? this.node('mrow', []);
    });
  }
  private inScript<T>(go: () => T): T {
    this.small++;
    const result = go();
    this.small--;
    return result;
  }

  private scripted(base: Node | null): Node | null {
    let sub: Node | undefined, sup: Node | undefined;
    let primes = 0;
    let limits = base?.limits;
    for (let token = this.peek(); ; token = this.peek()) {
      if (token === "'" || token === '′') primes++, this.take();
      else if (token === '_' && !sub) this.take(), (sub = this.inScript(() => this.argument()));
      else if (token === '^' && !sup) this.take(), (sup = this.inScript(() => this.argument()));
      else if (base && token === '\\limits') this.take(), (limits = true);
      else if (base && token === '\\nolimits') this.take(), (limits = undefined);
      else break;
    }
    if (primes) {
      const mark = this.node('mo', [PRIMES[primes] ?? '′'.repeat(primes)], 'ord', { lspace: '0em', rspace: '0em' });
      sup = sup ? this.node('mrow', [mark, sup]) : mark;
    }
    if (!sub && !sup) return base;
    const on = base ?? this.node('mrow', []);
    const tag = limits ? (sub && sup ? 'munderover' : sub ? 'munder' : 'mover') : sub && sup ? 'msubsup' : sub ? 'msub' : 'msup';
    const whole = this.node(tag, [on, ...(sub ? [sub] : []), ...(sup ? [sup] : [])], on.kind);
    return this.deeper(() => this.scripted(whole)); // one more of them stands on the whole
  }

  // ---- atoms

  private atom(alone = false): Node | null {
    const token = this.peek();
    if (token === '^' || token === '_' || token === "'") return null;
    if (token === '{') {
      this.take();
      const row = this.deeper(() => this.row((next) => next === '}'));
      this.took('}');
      const group = this.group(row);
      return group.kids.length || group.tag !== 'mrow' ? group : this.node('mrow', []);
    }
    if (token[0] === '\\' && token.length > 1) {
      this.take();
      return this.command(token.slice(1), token);
    }
    if (/\d/.test(token) || (token === '.' && /\d/.test(this.src[this.at + 1] ?? ''))) return this.number(alone);
    if (/\p{L}/u.test(token)) return this.letters(alone);
    this.take();
    if (token === '~') return this.space(SPACES['~']!);
    if (token === '-') return this.sign('−', 'bin');
    if (token === '*') return this.sign('∗', 'bin');
    if (token === '(' || token === '[') return this.sign(token, 'open');
    if (token === ')' || token === ']') return this.sign(token, 'close');
    if (token === '/' || token === '.') return this.node('mi', [token], 'ord', { mathvariant: 'normal' });
    return this.sign(token, kindOf(token));
  }

  private number(alone: boolean): Node {
    const text = alone ? this.src[this.at]! : /^\d*(?:\.\d+)?/.exec(this.src.slice(this.at, this.at + 200))![0];
    this.at += text.length;
    if (this.style === 'bb') return this.node('mn', [[...text].map((digit) => inAlphabet('bb', digit)).join('')]);
    return this.node('mn', [text], 'ord', styleClass(this.style));
  }

  /** In upright writing a word is one, and in foreign ones it always is. */
  private letters(alone: boolean): Node {
    const first = this.take();
    const style = this.style;
    if (!/[a-zA-Z\p{Script=Greek}]/u.test(first)) {
      const more = alone ? '' : /^[\p{L}\p{M}]*/u.exec(this.src.slice(this.at, this.at + 200))![0];
      this.at += more.length;
      return this.node('mtext', [first + more]);
    }
    if (style === 'rm' || style === 'bf' || style === 'sf' || style === 'tt') {
      const more = alone ? '' : /^[a-zA-Z]*/.exec(this.src.slice(this.at, this.at + 200))![0];
      this.at += more.length;
      return this.node('mi', [first + more], 'ord', { mathvariant: 'normal', ...styleClass(style) });
    }
    if (style === 'bb' || style === 'cal' || style === 'frak') return this.node('mi', [inAlphabet(style, first)]);
    return this.node('mi', [first], 'ord', styleClass(style));
  }

  private command(name: string, token: string): Node | null {
    const letter = letterOf(name);
    if (letter) return this.node('mi', [letter], 'ord', styleClass(this.style));
    const symbol = symbolOf(name);
    if (symbol) return this.symbol(symbol.sign, symbol.kind, symbol.limits);
    const called = functionOf(name);
    if (called) return this.named(called.text, called.limits);
    const space = own(SPACES, name);
    if (space !== undefined) return this.space(space);
    const style = own(STYLES, name);
    if (style !== undefined) return this.deeper(() => ((this.style = style), this.argument()));
    const text = own(TEXTS, name);
    if (text !== undefined) return this.text(this.raw() ?? '', text);
    const fraction = own(FRACTIONS, name);
    if (fraction) return this.fraction(this.argument(), this.argument(), fraction);
    const accent = own(ACCENTS, name);
    if (accent) return this.accented(accent);
    const mark = own(MARKED, name);
    if (mark) return this.node('mrow', [this.argument()], 'ord', { class: mark });
    const sized = FENCED.exec(name);
    if (sized) return this.fence(this.delimiter(), sized[2] === 'l' ? 'open' : sized[2] === 'r' ? 'close' : 'ord', BIG[sized[1]!]!, true);
    return this.construct(name, token);
  }

  private construct(name: string, token: string): Node | null {
    switch (name) {
      case 'sqrt': {
        const degree = this.raw('[', ']');
        const under = this.argument();
        return degree?.trim() ? this.node('mroot', [under, this.part(degree)]) : this.node('msqrt', [under]);
      }
      case 'left':
        return this.deeper(() => this.between());
      case 'right':
        return this.unknown(`${token}${this.take()}`);
      case 'middle':
        return this.fence(this.delimiter(), 'rel', 1);
      case 'begin':
        return this.environment(token);
      case 'operatorname': {
        const limits = this.src[this.at] === '*';
        if (limits) this.at++;
        return this.named(plain(this.raw() ?? ''), limits);
      }
      case 'overset':
      case 'stackrel':
      case 'underset': {
        const mark = this.inScript(() => this.argument());
        const on = this.argument();
        return this.node(name === 'underset' ? 'munder' : 'mover', [on, mark], on.kind);
      }
      case 'xrightarrow':
      case 'xleftarrow': {
        const below = this.raw('[', ']');
        const arrow = this.node('mo', [name === 'xleftarrow' ? '←' : '→'], 'rel', { stretchy: 'true' });
        const above = this.inScript(() => this.argument());
        const over = this.node('mrow', [this.space(0.4), above, this.space(0.4)]);
        return below ? this.node('munderover', [arrow, this.part(below), over], 'rel') : this.node('mover', [arrow, over], 'rel');
      }
      case 'substack':
        return this.node('mrow', [this.table(this.raw() ?? '', layoutOf('substack')!)]);
      case 'not':
        return this.negated();
      case 'pmod':
        return this.node('mrow', [this.space(0.5), this.sign('(', 'open'), this.node('mi', ['mod'], 'ord', { mathvariant: 'normal' }), this.space(0.3), this.argument(), this.sign(')', 'close')]);
      case 'bmod':
      case 'mod':
        return this.node('mo', ['mod'], 'bin', { lspace: '0.2778em', rspace: '0.2778em' });
      case 'tag':
        return this.node('mrow', [this.space(1), this.text(`(${this.raw() ?? ''})`, '')]);
      case 'phantom':
      case 'hphantom':
      case 'vphantom':
        return this.node('mphantom', [this.argument()]);
      case 'mathop':
        return { ...this.node('mrow', [this.argument()], 'op'), limits: true };
      case 'mathrel':
      case 'mathbin':
      case 'mathord':
      case 'mathopen':
      case 'mathclose':
      case 'mathinner':
      case 'ensuremath':
      case 'smash':
        return this.argument();
      case 'hspace':
      case 'kern':
      case 'mskip':
      case 'mkern':
        if (this.src[this.at] === '*') this.at++;
        if (name !== 'hspace') this.at += /^\s*-?[\d.]+\s*[a-z]{2}/.exec(this.src.slice(this.at, this.at + 40))?.[0].length ?? 0;
        else this.raw();
        return this.space(0.3);
      case 'color':
        return void this.raw(), null;
      case 'textcolor':
      case 'colorbox':
        return void this.raw(), this.argument();
      case 'label':
        return void this.raw(), null;
    }
    if (SILENT.has(name)) return null;
    return this.unknown(token);
  }

  private symbol(sign: string, kind: Kind, limits?: boolean): Node {
    if (kind === 'ord') return this.node('mi', [sign], 'ord', { mathvariant: 'normal', ...styleClass(this.style) });
    if (kind !== 'op') return this.sign(sign, kind);
    const node = this.node('mo', [sign], 'op', { class: 'large', ...(limits ? {} : { lspace: '0em', rspace: '0em' }) });
    return limits ? { ...node, limits } : node;
  }
  private named(text: string, limits: boolean): Node {
    if (!limits) return this.node('mi', [text], 'op', { mathvariant: 'normal' });
    return { ...this.node('mo', [text], 'op', { movablelimits: 'true', lspace: '0em', rspace: '0em' }), limits };
  }
  private text(raw: string, look: string): Node {
    return this.node('mtext', [plain(raw).replace(/^ | $/g, '\u00a0')], 'ord', look ? { class: look } : {});
  }
  /** A part that was cut out of the source, to be read on its own. */
  private part(raw: string): Node {
    return this.node('mrow', spaced(this.within(raw, (reader) => reader.row())));
  }
  private within<T>(src: string, go: (reader: Reader) => T): T {
    return this.deeper(() => {
      const reader = new Reader(src);
      Object.assign(reader, { depth: this.depth, count: this.count, small: this.small + 1, style: this.style });
      const result = go(reader);
      this.count = reader.count;
      return result;
    });
  }

  private fraction(over: Node, under: Node, { style, line, fences }: { style?: string; line?: false; fences?: true }): Node {
    const fraction = this.node('mfrac', [over, under], 'ord', line === false ? { linethickness: '0' } : {});
    const inside = fences ? this.fenced('(', [fraction], ')') : fraction;
    return style ? this.node('mstyle', [inside], 'ord', { displaystyle: style, scriptlevel: '0' }) : inside;
  }

  private accented({ sign, wide, below, limits }: (typeof ACCENTS)[string]): Node {
    const on = this.argument();
    const mark = this.node('mo', [sign], 'ord', { stretchy: wide ? 'true' : 'false', lspace: '0em', rspace: '0em' });
    const whole = this.node(below ? 'munder' : 'mover', [on, mark], on.kind === 'op' ? 'ord' : on.kind, { [below ? 'accentunder' : 'accent']: 'true', ...(limits ? { class: below ? 'brace below' : 'brace' } : {}) });
    return limits ? { ...whole, limits } : whole;
  }

  private negated(): Node {
    const what = this.argument();
    const [sign] = what.kids;
    if (typeof sign !== 'string') return this.node('mrow', [what], 'rel', { class: 'struck' });
    return { ...what, kids: [own(NEGATED, sign) ?? sign + '\u0338'] };
  }

  // ---- fences and tables

  private delimiter(): string {
    const token = this.peek();
    const known = own(DELIMITERS, token);
    if (known === undefined) return '';
    this.take();
    return known;
  }
  private between(): Node {
    const open = this.delimiter();
    const row = this.row((token) => token === '\\right');
    const close = this.took('\\right') ? this.delimiter() : '';
    return this.fenced(open, spaced(row), close);
  }

  private environment(token: string): Node {
    const name = this.raw() ?? '';
    const layout = layoutOf(name);
    if (!layout) return this.unknown(`${token}{${name}}`);
    if (layout.spec) this.raw('[', ']');
    const columns = layout.spec && this.peek() === '{' ? (this.raw() ?? '') : '';
    const table = this.rows({ ...layout, ...(name.startsWith('array') ? { columns: columns.replace(/[^lcr]/g, '') } : {}) }, `\\end`);
    if (this.took('\\end')) this.raw();
    return layout.open || layout.close ? this.fenced(layout.open ?? '', [table], layout.close ?? '') : table;
  }
  private table(raw: string, layout: Layout): Node {
    return this.within(raw, (reader) => reader.rows(layout, ''));
  }

  private rows(layout: Layout, end: string): Node {
    return this.deeper(() => {
      const rows: Node[] = [];
      let cells: Node[] = [];
      const closeRow = () => {
        if (cells.length) rows.push(this.node('mtr', cells));
        cells = [];
      };
      for (;;) {
        const inside = this.deeper(() => this.row((token) => token === '&' || token === '\\\\' || token === '\\cr' || (end !== '' && token === end)));
        const token = this.peek();
        if (inside.length || token === '&' || cells.length) cells.push(this.cell(inside, cells.length, layout));
        if (token === '&') this.take();
        else if (token === '\\\\' || token === '\\cr') {
          this.take();
          if (this.src[this.at] === '*') this.at++;
          if (/^\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]/.test(this.src.slice(this.at, this.at + 30))) this.raw('[', ']');
          closeRow();
        } else if (token && token !== end) cells.push(this.cell([this.stray()], cells.length, layout));
        else break;
      }
      closeRow();
      return this.node('mtable', rows, 'ord', { class: layout.look, ...(layout.display ? { displaystyle: 'true' } : {}) });
    });
  }
  private cell(inside: Node[], at: number, { columns, pairs }: Layout): Node {
    const side = pairs ? (at % 2 ? 'l' : 'r') : (columns?.[at] ?? 'c');
    return this.node('mtd', [this.node('mrow', spaced(inside, pairs && at % 2 === 1))], 'ord', side === 'c' ? {} : { class: side });
  }
}

/** What no row goes beyond, whoever began it. */
const isEnd = (token: string) => token === '}' || token === '&' || token === '\\\\' || token === '\\cr' || token === '\\end';
const em = (width: number) => `${width}em`;
const own = <T>(table: Record<string, T>, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);
const plain = (raw: string) => raw.replace(/\\([#$%&_{} ,;:!\\])/g, (_, sign: string) => (/[,;: ]/.test(sign) ? ' ' : sign === '!' ? '' : sign)).replace(/(?<!\\)[{}]/g, '').replace(/[~\s]+/g, ' ');

function styleClass(style: Style): Record<string, string> {
  return style === 'bf' || style === 'bs' ? { class: 'bf' } : style === 'sf' || style === 'tt' ? { class: style } : {};
}
