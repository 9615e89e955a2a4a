/** kit/paths: what icons look like. Those of the second list are fetched when one of them is first drawn. */
import { shallowRef } from 'vue';
import first from 'virtual:icons/first';
import type { IconName } from './icons';

const later = shallowRef<Record<string, string>>();
let asked: Promise<void> | undefined;

export function pathOf(name: IconName): string {
  const path = first[name] ?? later.value?.[name];
  if (path === undefined) asked ??= import('virtual:icons/later').then((all) => void (later.value = all.default), () => void (asked = undefined));
  return path ?? '';
}
