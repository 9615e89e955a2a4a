import { expect, test } from 'vitest';
import { ref } from 'vue';
import { type Row, rowsOf } from '../../../src/features/message/rows';
import { useNews } from '../../../src/features/room/news';
import type { User } from '../../../src/net/types';
import { session } from '../../../src/stores/session';
import type { Item } from '../../../src/stores/timeline';

const anna: User = { id: 'a', username: 'anna', display_name: '', kind: 'user' }, boris: User = { ...anna, id: 'b', username: 'boris' };
const item = (id: string, sender: User, more: Partial<Item> = {}): Item => ({ key: id, message: { id, room: 'r', sender, kind: 'text', text: 'x', created_at: '2026-11-21T10:00:00Z', mentions: [], state: 'complete' }, ...more });
const rows = (...items: Item[]): Row[] => rowsOf(items, { unreadAfter: null, hasOlder: false, me: anna.id, notices: [] }, new Map());

test('what others say while one reads above is counted; what one has said oneself, here or on another device, is not', () => {
  session.me = { ...anna, role: 'member', created_at: '' };
  const { missed, hear } = useNews(ref(false));
  const begun = [item('1', boris)];
  hear(rows(...begun), [], false);
  const said = [...begun, item('2', anna), item('3', boris), item('4', boris)];
  expect([hear(rows(...said), rows(...begun), false), missed.value]).toEqual([false, 2]);
  const queued = item('5', anna, { queued: { client_id: 'c', room: 'r', text: 'x', created_at: '', state: 'queued' } });
  expect([hear(rows(...said, queued), rows(...said), false), missed.value]).toEqual([true, 2]);
  session.me = null;
});
