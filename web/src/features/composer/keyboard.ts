/**
 * composer/keyboard: how much of the window a phone's keyboard covers. Where the browser makes the page smaller itself
 * this is 0; iOS lays the keyboard over the page, and pushes the page up besides.
 */
import { onScopeDispose, shallowRef, type ShallowRef } from 'vue';

const LEAST = 80; // less is an address bar that comes and goes

export function covered(window: { inner: number; height: number; top: number; scale: number }): number {
  const under = Math.round(window.inner - window.height - window.top);
  return window.scale > 1.01 || under < LEAST ? 0 : under;
}

export function useKeyboard(): Readonly<ShallowRef<number>> {
  const inset = shallowRef(0), view = window.visualViewport;
  if (!view) return inset;
  const look = () => {
    inset.value = covered({ inner: innerHeight, height: view.height, top: view.offsetTop, scale: view.scale });
    if (inset.value && scrollY) scrollTo(0, 0);
  };
  view.addEventListener('resize', look);
  view.addEventListener('scroll', look);
  onScopeDispose(() => {
    view.removeEventListener('resize', look);
    view.removeEventListener('scroll', look);
  });
  look();
  return inset;
}
