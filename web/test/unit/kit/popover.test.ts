// Something small beside what opened it: closed by a key and opened again at once, it is open, with what it holds.
import { mount } from '@vue/test-utils';
import { nextTick } from 'vue';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import Popover from '../../../src/kit/Popover.vue';

// jsdom has no popovers: open or not, and told of it in a task of its own.
const shown = new WeakSet<Element>();
const matches = Element.prototype.matches;
function tell(el: HTMLElement, open: boolean): void {
  if (open) shown.add(el);
  else shown.delete(el);
  setTimeout(() => el.dispatchEvent(new Event('toggle')), 4);
}
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('ResizeObserver', class { observe() {} disconnect() {} });
  Object.assign(HTMLElement.prototype, { showPopover(this: HTMLElement) { tell(this, true); }, hidePopover(this: HTMLElement) { tell(this, false); } });
  Element.prototype.matches = function (this: Element, selector: string) { return selector === ':popover-open' ? shown.has(this) : matches.call(this, selector); };
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  Element.prototype.matches = matches;
});

function begin() {
  const view = mount(Popover, { props: { label: 'Facts' }, slots: { trigger: `<template #trigger="{ trigger }"><button v-bind="trigger">Open</button></template>`, default: 'What it holds' } });
  const el = view.get('[popover]').element as HTMLElement, button = view.get('button');
  const press = async (detail = 1) => {
    await button.trigger('pointerdown');
    await button.trigger('click', { detail });
    await nextTick();
  };
  const state = () => [shown.has(el), el.textContent];
  return { el, button, press, state };
}

it('closed and pressed again at once, it opens, and stays', async () => {
  const { el, press, state } = begin();
  await press();
  await vi.advanceTimersByTimeAsync(500);
  el.hidePopover(); // Esc
  await press();
  expect(state()).toEqual([true, 'What it holds']);
  await vi.advanceTimersByTimeAsync(500);
  expect(state()).toEqual([true, 'What it holds']);
});

it('the press that closes it from outside does not open it again', async () => {
  const { el, button, press, state } = begin();
  await press();
  await vi.advanceTimersByTimeAsync(500);
  await button.trigger('pointerdown');
  el.hidePopover(); // the browser's, as the press ends
  await vi.advanceTimersByTimeAsync(50);
  await button.trigger('click', { detail: 1 });
  await vi.advanceTimersByTimeAsync(500);
  expect(state()).toEqual([false, '']);
  await press(); // the next one does
  expect(state()).toEqual([true, 'What it holds']);
});
