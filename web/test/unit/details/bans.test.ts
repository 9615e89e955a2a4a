// The list of who is kept out, while lists are on their way.
import { flushPromises, mount } from '@vue/test-utils';
import type { Ref } from 'vue';
import { beforeEach, expect, it, vi } from 'vitest';
import Bans from '../../../src/features/details/Bans.vue';
import type { Ban, RoomEntry } from '../../../src/net/types';

type Answer = (page: { bans: Ban[]; has_more: boolean }) => void;
const lists: Answer[] = [];
const lifted: string[] = [];
const members: Record<string, Ref<object[]>> = {};
vi.mock('../../../src/stores/rooms', async () => {
  const { ref } = await import('vue');
  return {
    bansOf: () => new Promise((answer: Answer) => void lists.push(answer)),
    membersOf: (room: string) => (members[room] ??= ref([])),
    unban: async (_room: string, username: string) => void lifted.push(username),
  };
});
const ban = (username: string) => ({ id: username, username, display_name: username, kind: 'user', until: null }) as unknown as Ban;
const page = (...names: string[]) => ({ bans: names.map(ban), has_more: false });
const room = { id: 'r' } as RoomEntry;

beforeEach(() => {
  lists.length = lifted.length = 0;
});

it('what changed while a list was on its way is asked for, and the later list counts', async () => {
  const view = mount(Bans, { props: { room, changed: 0 } });
  await view.setProps({ changed: 1 });
  expect(lists.length).toBe(2);
  lists[1]!(page('boris'));
  await flushPromises();
  lists[0]!(page());
  await flushPromises();
  expect(view.text()).toContain('boris');
});

it('a ban is lifted while a list is on its way, and that list does not bring it back', async () => {
  const view = mount(Bans, { props: { room, changed: 0 } });
  lists[0]!(page('boris', 'anna'));
  await flushPromises();
  await view.setProps({ changed: 1 });
  await view.get('li button').trigger('click');
  await flushPromises();
  expect(lifted).toEqual(['boris']);
  lists[1]!(page('boris', 'anna'));
  await flushPromises();
  expect(view.text()).not.toContain('boris');
  lists[2]!(page('anna'));
  await flushPromises();
  expect(view.text()).toContain('anna');
  expect(view.text()).not.toContain('boris');
});

it('follows who comes and goes in the room that is shown now, not in the one before', async () => {
  const view = mount(Bans, { props: { room: { id: 'before' } as RoomEntry, changed: 0 } });
  await view.setProps({ room: { id: 'next' } as RoomEntry });
  expect(lists.length).toBe(2);
  members['next']!.value = [{}];
  await flushPromises();
  expect(lists.length).toBe(3);
  members['before']!.value = [{}];
  await flushPromises();
  expect(lists.length).toBe(3);
});
