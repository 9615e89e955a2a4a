import { beforeEach, expect, it, vi } from 'vitest';
import { withMutex } from '../../../src/net/mutex';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

it('one at a time, also where there are no locks', async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 4 }, () =>
      withMutex('m', async () => {
        most = Math.max(most, (inside += 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside -= 1;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(localStorage.getItem('m')).toBe(null);
});

it('asks for a new token once, however many want one, and is out when the node says so', async () => {
  const token = await import('../../../src/net/token');
  const me = { id: 'u', username: 'anna', display_name: 'Anna', role: 'member' as const, created_at: '' };
  token.accept({ user: me, access_token: 'old', refresh_token: 'r1', expires_in: 900 }, 'local');
  expect(await token.accessToken()).toBe('old');
  const refreshed = vi.fn(async (_path: string, init: RequestInit) => {
    const { refresh_token } = JSON.parse(init.body as string) as { refresh_token: string };
    if (refresh_token !== 'r1') return new Response('{}', { status: 401 });
    return new Response(JSON.stringify({ user: me, access_token: 'new', refresh_token: 'r2', expires_in: 900 }));
  });
  vi.stubGlobal('fetch', refreshed);
  expect(await Promise.all([token.accessToken('old'), token.accessToken('old'), token.accessToken('old')])).toEqual(['new', 'new', 'new']);
  expect(refreshed).toHaveBeenCalledTimes(1);
  expect(JSON.parse(localStorage.getItem('nc.session')!).refresh_token).toBe('r2');
  const out = vi.fn();
  token.signedOut.add(out);
  await expect(token.accessToken('new')).rejects.toBeInstanceOf(token.SignedOut);
  expect(out).toHaveBeenCalledWith(false);
  expect(localStorage.getItem('nc.session')).toBe(null);
  expect(token.remembered()).toBe(null);
});
