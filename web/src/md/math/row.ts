// A formula's elements in a row: how high it is, and how much room is between them.

import type { Kind } from './symbols';

export interface Node {
  tag: string;
  kids: (Node | string)[];
  attrs: Record<string, string>;
  kind: Kind | 'space';
  /** Its scripts stand above and below it. */
  limits?: boolean;
  /** A sign of its own, whose room depends on what is beside it. */
  sign?: boolean;
}

/** How many lines high, about: for browsers that have no font whose fences grow. */
export function heightOf(nodes: readonly (Node | string)[]): number {
  let highest = 1;
  for (const node of nodes) if (typeof node !== 'string') highest = Math.max(highest, height(node));
  return highest;
}
function height(node: Node): number {
  if (node.tag === 'mo' || node.tag === 'mi' || node.tag === 'mn') return 1;
  const parts = node.kids.filter((kid) => typeof kid !== 'string');
  switch (node.tag) {
    case 'mfrac':
      return heightOf(parts.slice(0, 1)) + heightOf(parts.slice(1)) + 0.2;
    case 'mtable':
      return parts.reduce((sum, row) => sum + heightOf(row.kids.flatMap((cell) => (typeof cell === 'string' ? [] : cell.kids))) + 0.2, 0);
    case 'munderover':
    case 'munder':
    case 'mover':
      return heightOf(parts.slice(0, 1)) + parts.slice(1).reduce((sum, part) => sum + 0.7 * height(part), 0);
    case 'msubsup':
    case 'msub':
    case 'msup':
      return heightOf(parts.slice(0, 1)) + parts.slice(1).reduce((sum, part) => sum + 0.3 * height(part), 0);
    default:
      return heightOf(parts);
  }
}

/** A sign between two parts is one thing, before one it is another; and a function's name stands off from what it takes. */
export function spaced(row: Node[], goesOn = false): Node[] {
  const out: Node[] = [];
  let before: Node | undefined;
  for (const [i, node] of row.entries()) {
    const next = row[i + 1];
    const last = before?.kind;
    if (node.kind === 'bin' && node.sign) {
      const first = before ? last === 'bin' || last === 'rel' || last === 'open' || last === 'punct' || last === 'op' : !goesOn;
      const end = !next || next.kind === 'rel' || next.kind === 'close' || next.kind === 'punct';
      if (first || end) node.attrs = { ...node.attrs, form: first ? 'prefix' : 'postfix', lspace: '0em', rspace: '0em' };
      else node.attrs = { ...node.attrs, form: 'infix' };
      if (first || end) node.kind = 'ord';
    }
    const touches = (kind: Node['kind'] | undefined) => kind === 'ord' || kind === 'op';
    if ((node.kind === 'op' && (touches(last) || last === 'close')) || (last === 'op' && node.kind === 'ord')) {
      if (!isLarge(node) || last !== 'op') out.push({ tag: 'mspace', kids: [], attrs: { width: '0.1667em' }, kind: 'space' });
    }
    out.push(node);
    if (node.kind !== 'space') before = node;
  }
  return out;
}
const isLarge = (node: Node) => node.tag === 'mo' && node.limits === true;
