// What TeX's names stand for, by what they are: that decides how much room is around them.

export type Kind = 'ord' | 'op' | 'bin' | 'rel' | 'open' | 'close' | 'punct';
export interface Symbol {
  sign: string;
  kind: Kind;
  /** Its scripts stand above and below it, where there is room. */
  limits?: boolean;
}

const LETTERS = `alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ varkappa ϰ lambda λ mu μ nu ν xi ξ omicron ο
pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ imath ı jmath ȷ ell ℓ`;
const UPRIGHT = `Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω hbar ℏ hslash ℏ Re ℜ Im ℑ wp ℘ aleph ℵ beth ℶ gimel ℷ partial ∂ nabla ∇ infty ∞
forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅ top ⊤ bot ⊥ angle ∠ measuredangle ∡ triangle △ triangledown ▽ square □ Box □ blacksquare ■ blacktriangle ▲ lozenge ◊ bigstar ★
neg ¬ lnot ¬ prime ′ backprime ‵ flat ♭ natural ♮ sharp ♯ clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ checkmark ✓ dagger † ddagger ‡ S § P ¶ copyright © pounds £ degree °
ldots … dots … cdots ⋯ dotsc … dotsb ⋯ dotsm ⋯ dotsi ⋯ dotso … vdots ⋮ ddots ⋱ iddots ⋰ surd √ complement ∁ eth ð mho ℧ Bbbk 𝕜 QED ∎ $ $ % % & & # # _ _ backslash \\`;
const BINARY = `pm ± mp ∓ times × div ÷ cdot ⋅ cdotp ⋅ ast ∗ star ⋆ circ ∘ bullet ∙ cap ∩ cup ∪ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ lor ∨ wedge ∧ land ∧ setminus ∖ smallsetminus ∖ wr ≀
oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ amalg ⨿ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵ bigcirc ◯ ltimes ⋉ rtimes ⋊
barwedge ⊼ veebar ⊻ boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ dotplus ∔ divideontimes ⋇ intercal ⊺ Cap ⋒ Cup ⋓ curlyvee ⋎ curlywedge ⋏ And &`;
const RELATIONS = `le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ lt < gt > ll ≪ gg ≫ lll ⋘ ggg ⋙ leqslant ⩽ geqslant ⩾ leqq ≦ geqq ≧ lesssim ≲ gtrsim ≳ lessgtr ≶ gtrless ≷ nless ≮ ngtr ≯ nleq ≰ ngeq ≱
equiv ≡ sim ∼ simeq ≃ approx ≈ approxeq ≊ cong ≅ ncong ≇ asymp ≍ propto ∝ varpropto ∝ doteq ≐ triangleq ≜ coloneqq ≔ eqqcolon ≕ bumpeq ≏ prec ≺ succ ≻ preceq ⪯ succeq ⪰
in ∈ notin ∉ ni ∋ owns ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ supsetneq ⊋ nsubseteq ⊈ nsupseteq ⊉ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑ sqsupseteq ⊒
mid ∣ nmid ∤ parallel ∥ nparallel ∦ perp ⊥ vdash ⊢ dashv ⊣ models ⊨ vDash ⊨ Vdash ⊩ nvdash ⊬ nvDash ⊭ bowtie ⋈ smile ⌣ frown ⌢ between ≬ pitchfork ⋔ therefore ∴ because ∵ colon :
to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⟹ impliedby ⟸ iff ⟺ longrightarrow ⟶ longleftarrow ⟵ longleftrightarrow ⟷
Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ mapsto ↦ longmapsto ⟼ hookrightarrow ↪ hookleftarrow ↩ uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕
nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖ rightharpoonup ⇀ rightharpoondown ⇁ leftharpoonup ↼ leftharpoondown ↽ rightleftharpoons ⇌ leftrightharpoons ⇋ rightleftarrows ⇄ leftrightarrows ⇆
twoheadrightarrow ↠ rightarrowtail ↣ leadsto ⇝ rightsquigarrow ⇝ nrightarrow ↛ nleftarrow ↚ nRightarrow ⇏ nLeftarrow ⇍ nLeftrightarrow ⇎ dashrightarrow ⇢ multimap ⊸ rightrightarrows ⇉`;
const OPENING = `{ { ( ( [ [ lbrack [ lbrace { langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ llbracket ⟦ ulcorner ⌜ llcorner ⌞ lgroup ⟮`;
const CLOSING = `} } ) ) ] ] rbrack ] rbrace } rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ rrbracket ⟧ urcorner ⌝ lrcorner ⌟ rgroup ⟯`;
const LARGE = `sum ∑ prod ∏ coprod ∐ bigcap ⋂ bigcup ⋃ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄ bigsqcup ⨆`;
const INTEGRALS = `int ∫ iint ∬ iiint ∭ oint ∮ oiint ∯ oiiint ∰ smallint ∫`;
const FUNCTIONS = `arccos arcsin arctan arctg arcctg arg ch cos cosec cosh cot coth csc ctg cth deg dim exp hom ker lg ln log sec sh sin sinh tan tanh tg th`;
const LIMITED = `lim max min sup inf det gcd Pr limsup liminf argmax argmin injlim projlim`;
const SPELLED: Record<string, string> = { limsup: 'lim sup', liminf: 'lim inf', argmax: 'arg max', argmin: 'arg min', injlim: 'inj lim', projlim: 'proj lim' };

const NAMED = new Map<string, Symbol>();
const KINDS = new Map<string, Kind>(); // of the signs themselves, as people type them

function add(table: string, kind: Kind, more: { limits?: boolean; named?: boolean } = {}) {
  const words = table.split(/\s+/);
  for (let i = 0; i + 1 < words.length; i += 2) {
    NAMED.set(words[i]!, { sign: words[i + 1]!, kind, ...(more.limits === undefined ? {} : { limits: more.limits }) });
    if (kind !== 'ord' && !KINDS.has(words[i + 1]!)) KINDS.set(words[i + 1]!, kind);
  }
}
add(UPRIGHT, 'ord');
add(BINARY, 'bin');
add(RELATIONS, 'rel');
add(OPENING, 'open');
add(CLOSING, 'close');
add(LARGE, 'op', { limits: true });
add(INTEGRALS, 'op', { limits: false });
NAMED.set('|', { sign: '‖', kind: 'ord' }).set('vert', { sign: '|', kind: 'ord' }).set('Vert', { sign: '‖', kind: 'ord' }).set('colon', { sign: ':', kind: 'punct' });
for (const [sign, kind] of Object.entries({ '+': 'bin', '-': 'bin', '−': 'bin', '*': 'bin', '=': 'rel', '<': 'rel', '>': 'rel', ':': 'rel', ',': 'punct', ';': 'punct', '|': 'ord', '&': 'ord', '⊥': 'rel' } as const)) KINDS.set(sign, kind);

const letters = new Map<string, string>();
for (const [, name, sign] of LETTERS.matchAll(/(\S+) (\S+)/g)) letters.set(name!, sign!);
const functions = new Map<string, boolean>([...FUNCTIONS.split(' ').map((name) => [name, false] as const), ...LIMITED.split(' ').map((name) => [name, true] as const)]);

export const letterOf = (name: string): string | undefined => letters.get(name);
export const symbolOf = (name: string): Symbol | undefined => NAMED.get(name);
export const kindOf = (sign: string): Kind => KINDS.get(sign) ?? 'ord';
/** A function's name as it is written, and whether its scripts stand below it. */
export function functionOf(name: string): { text: string; limits: boolean } | undefined {
  const limits = functions.get(name);
  return limits === undefined ? undefined : { text: SPELLED[name] ?? name, limits };
}

/** What may grow with what it stands around, by how it is written after \left. */
export const DELIMITERS: Record<string, string> = {
  '(': '(', ')': ')', '[': '[', ']': ']', '|': '|', '/': '/', '.': '', '<': '⟨', '>': '⟩', '\\{': '{', '\\}': '}', '\\|': '‖', '\\lbrace': '{', '\\rbrace': '}', '\\langle': '⟨', '\\rangle': '⟩', '\\vert': '|', '\\Vert': '‖', '\\lvert': '|', '\\rvert': '|',
  '\\lVert': '‖', '\\rVert': '‖', '\\lfloor': '⌊', '\\rfloor': '⌋', '\\lceil': '⌈', '\\rceil': '⌉', '\\lbrack': '[', '\\rbrack': ']', '\\backslash': '\\', '\\uparrow': '↑', '\\downarrow': '↓', '\\updownarrow': '↕', '\\Uparrow': '⇑', '\\Downarrow': '⇓', '\\lgroup': '⟮', '\\rgroup': '⟯', '\\llbracket': '⟦', '\\rrbracket': '⟧',
};

/** Above or below a part: the sign, and whether it is as wide as the part. */
export const ACCENTS: Record<string, { sign: string; wide?: boolean; below?: boolean; limits?: boolean }> = {
  hat: { sign: 'ˆ' }, check: { sign: 'ˇ' }, tilde: { sign: '˜' }, acute: { sign: '´' }, grave: { sign: '`' }, dot: { sign: '˙' }, ddot: { sign: '¨' }, dddot: { sign: '⃛' }, breve: { sign: '˘' }, bar: { sign: '¯' }, vec: { sign: '→' }, mathring: { sign: '˚' },
  widehat: { sign: 'ˆ', wide: true }, widetilde: { sign: '˜', wide: true }, overrightarrow: { sign: '→', wide: true }, overleftarrow: { sign: '←', wide: true }, overleftrightarrow: { sign: '↔', wide: true },
  overbrace: { sign: '⏞', wide: true, limits: true }, underbrace: { sign: '⏟', wide: true, below: true, limits: true }, underrightarrow: { sign: '→', wide: true, below: true }, underleftarrow: { sign: '←', wide: true, below: true },
};

/** Room, in em: never less than none, or a formula would stand on what is beside it. */
export const SPACES: Record<string, number> = {
  ',': 0.1667, thinspace: 0.1667, ':': 0.2222, '>': 0.2222, medspace: 0.2222, ';': 0.2778, thickspace: 0.2778, '!': 0, negthinspace: 0, ' ': 0.25, '\n': 0.25, '~': 0.25, nobreakspace: 0.25, space: 0.25, enspace: 0.5, enskip: 0.5, quad: 1, qquad: 2,
};

// Alphabets of Unicode's mathematical letters: where capitals, small letters and digits begin, and what was elsewhere already.
const ALPHABETS: Record<string, { capital: number; small: number; digit?: number; elsewhere: string }> = {
  bb: { capital: 0x1d538, small: 0x1d552, digit: 0x1d7d8, elsewhere: 'CℂHℍNℕPℙQℚRℝZℤ' },
  cal: { capital: 0x1d49c, small: 0x1d4b6, elsewhere: 'BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ' },
  frak: { capital: 0x1d504, small: 0x1d51e, elsewhere: 'CℭHℌIℑRℜZℨ' },
};

export function inAlphabet(alphabet: string, letter: string): string {
  const all = ALPHABETS[alphabet];
  if (!all) return letter;
  const at = all.elsewhere.indexOf(letter);
  if (at >= 0) return [...all.elsewhere][at + 1]!;
  if (/[A-Z]/.test(letter)) return String.fromCodePoint(all.capital + letter.charCodeAt(0) - 65);
  if (/[a-z]/.test(letter)) return String.fromCodePoint(all.small + letter.charCodeAt(0) - 97);
  return all.digit && /\d/.test(letter) ? String.fromCodePoint(all.digit + letter.charCodeAt(0) - 48) : letter;
}
