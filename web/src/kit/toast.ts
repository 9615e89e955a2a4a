/**
 * kit/toast: a word about what has just happened elsewhere, with at most one thing to do about it. What fails says so
 * where it failed; a toast is never the only place.
 */
import { shallowRef } from 'vue';
import type { IconName } from './icons';

export interface ToastAction { label: string; run: () => void }
export interface Toast { id: number; text: string; icon?: IconName; tone: 'plain' | 'danger' | 'ok'; action?: ToastAction; stays: boolean }

export const toasts = shallowRef<Toast[]>([]);
let last = 0;

export function toast(text: string, action?: ToastAction, more: Partial<Pick<Toast, 'icon' | 'tone' | 'stays'>> = {}): number {
  const one: Toast = { id: ++last, text, action, tone: 'plain', stays: false, ...more };
  toasts.value = [...toasts.value.filter((t) => t.text !== text), one].slice(-3);
  if (!one.stays) setTimeout(() => dismiss(one.id), action ? 8000 : 4500);
  return one.id;
}

export const dismiss = (id: number): void => void (toasts.value = toasts.value.filter((t) => t.id !== id));
