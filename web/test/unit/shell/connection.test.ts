import { mount } from '@vue/test-utils';
import { beforeEach, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import { routeLocationKey } from 'vue-router';

const spare = vi.hoisted(() => ({ waiting: [] as (() => void)[] }));
vi.mock('@/net/spare', () => ({ afterUsable: (work: () => void) => new Promise<void>((done) => spare.waiting.push(() => (work(), done()))), nowUsable: () => {} }));
import ConnectionBar from '@/features/shell/ConnectionBar.vue';
import { connection } from '@/stores/connection';

const inRoom = { global: { provide: { [routeLocationKey as symbol]: { fullPath: '/r/1' } } } };
const usable = () => spare.waiting.splice(0).forEach((work) => work());
const after = async (ms: number) => (await vi.advanceTimersByTimeAsync(ms), nextTick());

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(connection, { state: 'connecting' });
});

it('a first screen that takes its time is no lost connection; one that does not come behind it is', async () => {
  const bar = mount(ConnectionBar, inRoom);
  await after(20_000);
  expect(bar.find('button').exists()).toBe(false);
  usable();
  await after(2000);
  expect(bar.find('button').exists()).toBe(false);
  await after(1000);
  expect(bar.find('button').exists()).toBe(true);
  connection.state = 'online';
  await after(0);
  expect(bar.find('button').exists()).toBe(false);
});

it('who is online by then, or gone, is told nothing', async () => {
  const bar = mount(ConnectionBar, inRoom), left = mount(ConnectionBar, inRoom);
  left.unmount();
  connection.state = 'online';
  await nextTick();
  usable();
  await after(10_000);
  expect(bar.find('button').exists()).toBe(false);
});

it('where the node is away, links lead to this room at the others', async () => {
  localStorage.setItem('nc.nodes', JSON.stringify([{ name: 'home', url: location.origin }, { name: 'host', url: 'https://host.example' }]));
  const bar = mount(ConnectionBar, inRoom);
  usable();
  await after(3000);
  expect(bar.find('a').exists()).toBe(false);
  connection.state = 'offline';
  await nextTick();
  expect(bar.find('a').attributes('href')).toBe('https://host.example/r/1');
  connection.state = 'online';
  await nextTick();
  expect(bar.find('a').exists()).toBe(false);
});
