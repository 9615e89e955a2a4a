/**
 * kit/tip: `v-tip="text"`, `v-tip="[text, keys]"` or, where it is dear to make, `v-tip="() => text"`: a short name beside
 * what the pointer rests on or the keyboard reaches. One element serves all. It is a picture of the label, which the
 * element itself must have.
 */
import type { Directive } from 'vue';
import { home, place } from './place';

type Text = string | [string, string] | (() => string) | undefined;

/** The keyboard moves the focus: what opens, or comes to have it, names itself to nobody. */
let moves = false;
if (typeof addEventListener === 'function') {
  addEventListener('keydown', ({ key }) => (moves = /^(Tab|Arrow|Home|End|F6)/.test(key)), true);
  addEventListener('pointerdown', () => (moves = false), true);
}

let box: HTMLElement | undefined, timer: ReturnType<typeof setTimeout> | undefined, shownAt = 0;
const texts = new WeakMap<Element, Text>();

function show(el: HTMLElement): void {
  const text = texts.get(el);
  if (!text || !el.isConnected) return;
  box ??= Object.assign(document.createElement('div'), { className: 'tip', popover: 'manual', ariaHidden: 'true' });
  const [words, keys] = typeof text === 'string' ? [text] : typeof text === 'function' ? [text()] : text;
  box.replaceChildren(words, ...(keys ? [Object.assign(document.createElement('kbd'), { textContent: keys })] : []));
  const where = home(el);
  if (box.parentElement !== where) where.append(box);
  box.showPopover();
  place(box, el, 'below', 'center');
}

function hide(): void {
  clearTimeout(timer);
  if (box?.isConnected && box.matches(':popover-open')) {
    box.hidePopover();
    shownAt = Date.now();
  }
}

function onEnter(event: Event): void {
  const el = event.currentTarget as HTMLElement;
  if (event instanceof PointerEvent && event.pointerType !== 'mouse') return;
  if (event.type === 'focus' && !(moves && el.matches(':focus-visible'))) return;
  clearTimeout(timer);
  // whoever goes along a row of buttons reads them all at once
  timer = setTimeout(() => show(el), Date.now() - shownAt < 400 ? 0 : 550);
}

const enters = ['pointerenter', 'focus'], leaves = ['pointerleave', 'pointerdown', 'blur', 'keydown'];

export const vTip: Directive<HTMLElement, Text> = {
  mounted(el, { value }) {
    texts.set(el, value);
    for (const type of enters) el.addEventListener(type, onEnter);
    for (const type of leaves) el.addEventListener(type, hide);
  },
  updated: (el, { value }) => void texts.set(el, value),
  beforeUnmount: hide,
};
