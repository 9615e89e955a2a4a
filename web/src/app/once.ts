/** app/once: has it ever been so: for parts that are loaded when they are first wanted, and kept from then on. */
import { type ShallowRef, shallowRef, watch } from 'vue';

export function useOnce(is: () => boolean): Readonly<ShallowRef<boolean>> {
  const was = shallowRef(is());
  if (!was.value) watch(is, () => (was.value = true), { once: true, flush: 'sync' });
  return was;
}
