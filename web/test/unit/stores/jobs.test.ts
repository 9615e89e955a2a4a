import { beforeEach, expect, test, vi } from 'vitest';
import { nextTick } from 'vue';
import type { Job, Message } from '@/net/types';

const heard = vi.hoisted(() => ({ change: (_: unknown) => {}, close: () => {}, answer: (_: Job[]) => {} }));
vi.mock('@/stores/core', () => ({ onChange: (listener: (change: unknown) => void) => (heard.change = listener), onClose: (listener: () => void) => (heard.close = listener), forWhoAsked: (work: unknown) => work }));
vi.mock('@/stores/session', () => ({ has: () => true }));
vi.mock('@/stores/connection', async () => ({ connection: (await import('vue')).reactive({ state: 'connecting' }) }));
const get = vi.hoisted(() => vi.fn(() => new Promise((resolve) => (heard.answer = (jobs) => resolve({ jobs })))));
vi.mock('@/net/api', () => ({ api: { get } }));

const { jobs } = await import('@/stores/jobs');
const { connection } = await import('@/stores/connection');

const job = (id: string, more: Partial<Job> = {}): Job => ({ id, state: 'queued', position: 1, question: `q-${id}`, persona: 'olga', model: '', asked_by: 'anna', created_at: '', ...more });
const tell = (one: Job) => heard.change({ t: 'live', events: [{ type: 'job.updated', room: 'r', job: one }] });
const say = (message: Partial<Message>, created: boolean) => heard.change({ t: 'changes', changes: { messages: [{ message, created }] } });
async function reach(): Promise<void> {
  connection.state = 'connecting';
  await nextTick();
  connection.state = 'online';
  await nextTick();
}
async function list(...found: Job[]): Promise<void> {
  heard.answer(found);
  await new Promise((resolve) => setTimeout(resolve));
}
beforeEach(() => heard.close());

test('what waits is known after a reload, and no longer when it ended while nobody could tell', async () => {
  await reach();
  await list(job('a'), job('b', { position: 2 }));
  expect([...jobs.keys()]).toEqual(['a', 'b']);
  await reach();
  await list(job('b'));
  expect([...jobs.keys()]).toEqual(['b']);
});

test('what events told since the list was asked for is the later word', async () => {
  await reach();
  tell(job('ended', { state: 'done' }));
  tell(job('new'));
  tell(job('moved', { position: 1 }));
  await list(job('ended'), job('moved', { position: 2 }));
  expect([...jobs.keys()]).toEqual(['new', 'moved']);
  expect(jobs.get('moved')!.position).toBe(1);
});

test('an answer that begins ends the waiting, of its persona alone', async () => {
  await reach();
  await list(job('a'), job('b', { question: 'q-a', persona: 'petya' }));
  say({ id: 'm', reply_to: 'q-a', sender: { id: 'o', username: 'olga', display_name: '', kind: 'persona' }, state: 'streaming', ai: {} as Message['ai'] }, true);
  expect([...jobs.keys()]).toEqual(['b']);
});
