/**
 * kit/place: where something that floats belongs: beside its anchor, on the side that has room, within the window.
 */
export type Anchor = Element | { x: number; y: number };
export type Side = 'below' | 'above' | 'right';
export type Align = 'start' | 'end' | 'center';

const gap = 6, edge = 8;

const boxOf = (anchor: Anchor): DOMRect =>
  anchor instanceof Element ? anchor.getBoundingClientRect() : new DOMRect(anchor.x, anchor.y, 0, 0);

const between = (low: number, value: number, high: number) => Math.max(low, Math.min(value, high));

/** Moves `el`, which is `position: fixed` and shown, to its anchor. */
export function place(el: HTMLElement, anchor: Anchor, side: Side = 'below', align: Align = 'start'): void {
  const at = boxOf(anchor), { offsetWidth: w, offsetHeight: h } = el;
  const across = align === 'start' ? at.left : align === 'end' ? at.right - w : at.left + at.width / 2 - w / 2;
  let x = across, y = at.bottom + gap;
  if (side === 'right') {
    x = at.right + gap + w > innerWidth - edge ? at.left - gap - w : at.right + gap;
    y = at.top;
  } else if (side === 'above' ? at.top - gap - h >= edge : at.bottom + gap + h > innerHeight - edge && at.top - gap - h >= edge) {
    y = at.top - gap - h;
  }
  el.style.left = `${between(edge, x, innerWidth - w - edge)}px`;
  el.style.top = `${between(edge, y, innerHeight - h - edge)}px`;
}

/**
 * Where in the page something that floats stands: in the modal dialog that is open, because everything outside of it
 * sleeps; otherwise in the part of the page that it belongs to, where a screen reader looks for it.
 */
export function home(anchor?: Anchor): HTMLElement {
  const at = anchor instanceof Element ? anchor : null;
  return at?.closest<HTMLElement>('dialog:modal') ?? [...document.querySelectorAll<HTMLElement>('dialog:modal')].pop() ?? at?.closest<HTMLElement>('main, nav, aside') ?? document.body;
}
