/**
 * app/door: who may be where: nobody beyond the door without being in, nobody before it who is.
 *
 * Links that let somebody in carry their code behind `#`, which browsers never send: `/#owner=`, `/#invite=`,
 * `/#reset=`.
 */
import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router';
import { session } from '@/stores/session';
import { router } from './router';

/** Where to instead, or true. */
function allowed(to: RouteLocationNormalized): true | RouteLocationRaw {
  if (to.path === '/kit') return true;
  const code = /^#(owner|invite|reset)=/.exec(to.hash)?.[1];
  if (to.name === 'login') return session.phase !== 'in' || code === 'reset' ? true : inside(to.query.next);
  if (session.phase === 'out' || code === 'reset')
    return { name: 'login', hash: to.hash, query: to.fullPath === '/' || code ? {} : { next: to.fullPath }, replace: true };
  // Whom it would let in is in: the code need not stand in the address for others to see.
  if (code && session.phase === 'in') return { path: to.path, query: to.query, hash: '', replace: true };
  return true;
}

/** Where somebody wanted to before they were asked who they are: an address of this page, nothing else. */
function inside(next: unknown): RouteLocationRaw {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/';
}

router.beforeEach(allowed);

/** Looks again once it is known, or has changed, who is there: the first navigation may have been let through before. */
export async function look(phase: typeof session.phase, before?: typeof session.phase): Promise<void> {
  await router.isReady();
  // who has left does not leave the next one at their place
  const to = phase === 'out' && before === 'in' ? '/login' : allowed(router.currentRoute.value);
  if (to !== true && session.phase === phase) await router.replace(to);
}
