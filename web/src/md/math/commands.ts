// What TeX's commands do with what they take.

export type Style = 'rm' | 'bf' | 'it' | 'bs' | 'sf' | 'tt' | 'bb' | 'cal' | 'frak' | '';
export const STYLES: Record<string, Style> = {
  mathrm: 'rm', mathup: 'rm', rm: 'rm', mathbf: 'bf', bf: 'bf', mathit: 'it', it: 'it', boldsymbol: 'bs', bm: 'bs', pmb: 'bs', mathsf: 'sf', mathtt: 'tt', mathbb: 'bb', mathds: 'bb', mathcal: 'cal', cal: 'cal', mathscr: 'cal', mathfrak: 'frak', mathnormal: '',
};
export const TEXTS: Record<string, string> = { text: '', mbox: '', hbox: '', textnormal: '', textrm: '', textup: '', textbf: 'bf', textit: 'slant', emph: 'slant', textsf: 'sf', texttt: 'tt' };
export const SIZES: Record<string, [display: string, level: string]> = { displaystyle: ['true', '0'], textstyle: ['false', '0'], scriptstyle: ['false', '1'], scriptscriptstyle: ['false', '2'] };
export const BIG: Record<string, number> = { big: 1.2, Big: 1.8, bigg: 2.4, Bigg: 3 };
export const TALL_MAX = 20; // half lines: what math.css knows
export const FENCED = /^(big|Big|bigg|Bigg)([lrm]?)$/;
export const FRACTIONS: Record<string, { style?: string; line?: false; fences?: true }> = {
  frac: {}, dfrac: { style: 'true' }, tfrac: { style: 'false' }, cfrac: { style: 'true' }, binom: { line: false, fences: true }, dbinom: { style: 'true', line: false, fences: true }, tbinom: { style: 'false', line: false, fences: true },
};
export const INFIX: Record<string, { line?: false; fences?: true }> = { over: {}, atop: { line: false }, choose: { line: false, fences: true } };
export const MARKED: Record<string, string> = { overline: 'over', underline: 'under', boxed: 'boxed', fbox: 'boxed', cancel: 'struck', bcancel: 'struck', xcancel: 'struck', sout: 'struck' };
export const SILENT = new Set(['nonumber', 'notag', 'hline', 'allowbreak', 'nobreak', 'mathstrut', 'strut', 'protect', 'relax', 'centering', 'displaylimits']);
export const NEGATED: Record<string, string> = { '=': '≠', '∈': '∉', '∃': '∄', '⊂': '⊄', '⊃': '⊅', '⊆': '⊈', '⊇': '⊉', '≡': '≢', '∼': '≁', '≈': '≉', '<': '≮', '>': '≯', '≤': '≰', '≥': '≱', '∣': '∤', '∥': '∦', '→': '↛', '←': '↚', '⇒': '⇏' };
export const PRIMES = ['', '′', '″', '‴', '⁗'];
