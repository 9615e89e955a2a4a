/**
 * kit/menu: what a menu lists, and opening one: at an element, or where the pointer is. App.vue has the only menu.
 */
import { shallowRef } from 'vue';
import type { IconName } from './icons';
import { type Align, type Anchor, home } from './place';

export interface MenuAction {
  label: string;
  icon?: IconName;
  /** As people read them: showKeys(). */
  keys?: string;
  hint?: string;
  danger?: boolean;
  disabled?: boolean;
  /** Makes it one to be ticked. */
  checked?: boolean;
  run: () => void;
}
export type MenuItem = MenuAction | { separator: true } | { heading: string } | false | null | undefined;

export interface OpenMenu { items: MenuItem[]; anchor: Anchor; align: Align; label: string; home: HTMLElement; from: HTMLElement | null }

export const openMenu = shallowRef<OpenMenu | null>(null);

export function showMenu(items: MenuItem[], anchor: Anchor, label: string, align: Align = 'start'): void {
  const from = document.activeElement;
  openMenu.value = { items, anchor, align, label, home: home(anchor), from: from instanceof HTMLElement ? from : null };
}
