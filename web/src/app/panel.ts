/**
 * app/panel: the panel at the right of a room is part of the address (`?p=`), so that a phone's back button closes it
 * and a link can open it.
 */
import { type ComputedRef, computed } from 'vue';
import { router } from './router';

const current = computed(() => {
  const p = router.currentRoute.value.query.p;
  return typeof p === 'string' && p ? p : null;
});

/** Goes back to `to` if that is where one came from, else puts it in this place: history never grows by going back. */
export function back(to: string): void {
  if (history.state?.back === to) router.back();
  else void router.replace(to);
}

const without = () => {
  const { path, query: { p: _p, ...query }, hash } = router.currentRoute.value;
  return router.resolve({ path, query, hash });
};

function show(name: string): void {
  const { path, query, hash } = router.currentRoute.value;
  const to = { path, query: { ...query, p: name }, hash };
  void (current.value ? router.replace(to) : router.push(to));
}

function close(): void {
  if (current.value) back(without().fullPath);
}

export function usePanel(): { panel: ComputedRef<string | null>; show: (name: string) => void; close: () => void; toggle: (name: string) => void } {
  return { panel: current, show, close, toggle: (name) => (current.value === name ? close() : show(name)) };
}
