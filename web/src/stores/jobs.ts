// Questions that wait for, or are being given, an answer.
import { shallowReactive, watch } from 'vue';
import { api } from '../net/api';
import { afterUsable } from '../net/spare';
import type { Job } from '../net/types';
import { connection } from './connection';
import { forWhoAsked, onChange, onClose } from './core';
import { has } from './session';

export const jobs = shallowReactive(new Map<string, Job>());
/** What events told of since the list was asked for: theirs is the later word. */
let told = new Set<string>();

const under = (job: Job) => job.state === 'queued' || job.state === 'running';
function take(job: Job): void {
  const known = jobs.get(job.id);
  if (under(job)) jobs.set(job.id, { ...known, ...job });
  else jobs.delete(job.id);
}

/** Events tell of changes alone, and none is told twice: what waits when the node is reached is asked for. */
async function load(): Promise<void> {
  const since = (told = new Set());
  const { jobs: list } = await forWhoAsked(afterUsable(() => api.get<{ jobs: Job[] }>('/api/v1/jobs', { state: 'queued,running', limit: 200 })));
  if (since !== told) return;
  for (const id of jobs.keys()) if (!since.has(id)) jobs.delete(id);
  for (const job of list) if (!since.has(job.id)) take(job);
}
watch(
  () => connection.state === 'online' && has('jobs'),
  (now) => now && void load().catch(() => {}), // Lost again: the next connection asks.
  { immediate: true },
);

onChange((change) => {
  if (change.t === 'live')
    for (const event of change.events)
      if (event.type === 'job.updated') {
        told.add(event.job.id);
        take(event.job);
      }
  if (change.t !== 'changes') return;
  // An answer is the last word about its job, also where its event was dropped or never told.
  for (const { message, created } of change.changes.messages)
    for (const job of message.ai ? jobs.values() : []) {
      const begins = created && job.question === message.reply_to && job.persona === message.sender.username;
      if (!begins && (message.state === 'streaming' || job.message_id !== message.id)) continue;
      told.add(job.id);
      jobs.delete(job.id);
    }
});
onClose(() => {
  told = new Set();
  jobs.clear();
});
