// What the node says of a room is for who asked: what one may do there is not what the next one may.
import { expect, test, vi } from 'vitest';
import type { RoomEntry } from '@/net/types';

const node = vi.hoisted(() => ({ answer: (_: unknown) => {} }));
const asked = () => new Promise((done) => (node.answer = done));
vi.mock('@/net/api', () => ({ api: { get: asked, patch: asked } }));
vi.mock('@/stores/session', () => ({ session: { me: null } }));
const changed: string[] = [];
vi.mock('@/sync/engine', () => ({
  Engine: class {
    constructor(readonly me: { id: string }) {}
    listing = { change: async () => void changed.push(this.me.id) };
    storage = {};
    open = async () => ({ rooms: [], outbox: [], drafts: [], begun: true });
    listen() {}
    stop() {}
  },
}));
const { openEngine } = await import('@/stores/core');
const { refreshRoom, patchRoom } = await import('@/stores/rooms');
const person = (id: string) => ({ id, username: id, display_name: id, role: 'member' as const, created_at: '' });

test.each([['asked for', () => refreshRoom('r')], ['changed', () => patchRoom('r', { topic: 't' })]])('a room that was %s by one who has left is not kept for the next', async (_, ask) => {
  changed.length = 0;
  await openEngine(person('anna'));
  const mine = ask();
  node.answer({ id: 'r' } as RoomEntry);
  await mine;
  expect(changed).toEqual(['anna']);
  const late = ask();
  await openEngine(person('boris'));
  node.answer({ id: 'r' } as RoomEntry);
  await expect(late).rejects.toThrow();
  expect(changed).toEqual(['anna']);
});
