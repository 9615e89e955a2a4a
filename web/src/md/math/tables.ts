// The environments of rows and columns: what stands around them, and to which side their columns lean.

export interface Layout {
  look: string;
  open?: string;
  close?: string;
  /** l, c or r for each column; the rest is centred. */
  columns?: string;
  /** Columns lean to each other, two by two: left and right of a sign. */
  pairs?: boolean;
  /** As large as a formula that stands alone. */
  display?: boolean;
  /** Its columns are said, or how many there are. */
  spec?: boolean;
}

const MATRICES: Record<string, [open: string, close: string]> = { matrix: ['', ''], smallmatrix: ['', ''], pmatrix: ['(', ')'], bmatrix: ['[', ']'], Bmatrix: ['{', '}'], vmatrix: ['|', '|'], Vmatrix: ['‖', '‖'] };
const ALIGNED: Layout = { look: 'aligned', pairs: true, display: true };
const GATHERED: Layout = { look: 'gathered', display: true };
const OTHERS: Record<string, Layout> = {
  cases: { look: 'cases', open: '{', columns: 'll' }, dcases: { look: 'cases', open: '{', columns: 'll', display: true }, rcases: { look: 'cases', close: '}', columns: 'll' },
  aligned: ALIGNED, align: ALIGNED, split: ALIGNED, alignat: { ...ALIGNED, spec: true }, alignedat: { ...ALIGNED, spec: true }, eqnarray: { look: 'aligned', columns: 'rcl', display: true },
  gathered: GATHERED, gather: GATHERED, equation: GATHERED, multline: GATHERED, array: { look: 'array', spec: true }, subarray: { look: 'stack', spec: true }, substack: { look: 'stack' },
};

export function layoutOf(name: string): Layout | undefined {
  const base = name.replace(/\*$/, '');
  if (Object.hasOwn(OTHERS, base)) return OTHERS[base];
  if (!Object.hasOwn(MATRICES, base)) return undefined;
  const [open, close] = MATRICES[base]!;
  return { look: base === 'smallmatrix' ? 'matrix small' : 'matrix', open, close };
}
