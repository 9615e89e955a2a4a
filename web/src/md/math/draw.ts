// A formula as the browser draws it: MathML, made of elements as everything here. What can't be read is shown as source.

import { h, type VNode } from 'vue';
import { t } from '../../app/i18n';
import type { Node } from './row';
import { read } from './tex';
import './math.css';

const KEPT_MAX = 300;
const LONG = 12; // parts of a row in a line: longer ones may break
const WIDE = 40; // signs: a part that a phone may not have room for
const kept = new Map<string, Node[] | null>();

function parsed(tex: string): Node[] | null {
  let row = kept.get(tex);
  if (row !== undefined) return row;
  try {
    row = read(tex);
  } catch {
    row = null;
  }
  kept.set(tex, row);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
  return row;
}

const element = (node: Node): VNode => h(node.tag, node.attrs, node.kids.map((kid) => (typeof kid === 'string' ? kid : element(kid))));
const math = (row: Node[], display = false) => h('math', display ? { display: 'block' } : null, [h('mrow', row.map(element))]);

// Fences grow by a table that only fonts for mathematics have. Where there is none, math.css stretches them by its own means.
let looked = false;
function lookForFont() {
  looked = true;
  const make = (tag: string) => document.createElementNS('http://www.w3.org/1998/Math/MathML', tag);
  const around = document.createElement('div'), formula = make('math'), fence = make('mo'), tall = make('mspace');
  around.className = 'md sr-only';
  fence.textContent = '(';
  fence.setAttribute('stretchy', 'true');
  tall.setAttribute('height', '5em');
  tall.setAttribute('depth', '5em');
  formula.append(fence, tall);
  around.append(formula);
  document.body.append(around);
  const grown = fence.getBoundingClientRect().height > 60;
  around.remove();
  document.documentElement.classList.toggle('no-math-font', !grown);
}

export function drawFormula(tex: string, raw: string, display: boolean): VNode | VNode[] {
  if (!looked) lookForFont();
  const row = parsed(tex);
  if (!row?.length) return h('code', raw);
  if (display) return scrolling(math(row, true), 'formula');
  return (row.length > LONG ? pieces(row) : [row]).flatMap((piece, i) => {
    const drawn = lengthOf(piece) > WIDE ? scrolling(math(piece), 'formula inline') : math(piece);
    return i ? [h('wbr'), drawn] : [drawn];
  });
}

/** What is wider than the message scrolls by itself, so it must take the focus. */
const scrolling = (formula: VNode, look: string) => h('span', { class: look, tabindex: 0, role: 'group', 'aria-label': t('md.formula') }, [formula]);

function lengthOf(nodes: readonly (Node | string)[]): number {
  return nodes.reduce((sum, node) => sum + (typeof node === 'string' ? node.length : lengthOf(node.kids)), 0);
}

/** A line breaks behind a relation or a sign between two parts, as in a book. */
function pieces(row: Node[]): Node[][] {
  const all: Node[][] = [[]];
  for (const node of row) {
    all.at(-1)!.push(node);
    if (node.kind === 'rel' || node.kind === 'bin') all.push([]);
  }
  return all.filter((piece) => piece.length);
}
