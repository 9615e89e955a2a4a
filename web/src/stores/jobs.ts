// Questions that wait for, or are being given, an answer.
import { shallowReactive } from 'vue';
import { api } from '../net/api';
import type { Job } from '../net/types';
import { forWhoAsked, onChange, onClose } from './core';

export const jobs = shallowReactive(new Map<string, Job>());
/** A question may ask several personas. */
export const jobsOf = (questionId: string): Job[] => [...jobs.values()].filter((job) => job.question === questionId);
export const jobOf = (questionId: string): Job | null => jobsOf(questionId)[0] ?? null;

const under = (job: Job) => job.state === 'queued' || job.state === 'running';
function take(job: Job): void {
  const known = jobs.get(job.id);
  if (under(job)) jobs.set(job.id, { ...known, ...job });
  else jobs.delete(job.id);
}
/** What waits now, as far as one may see it. */
export async function loadJobs(): Promise<void> {
  const { jobs: list } = await forWhoAsked(api.get<{ jobs: Job[] }>('/api/v1/jobs', { state: 'queued,running' }));
  jobs.clear();
  list.forEach(take);
}
onChange((change) => {
  if (change.t === 'live') for (const event of change.events) if (event.type === 'job.updated') take(event.job);
  if (change.t !== 'changes') return;
  // An answer that ended is the last word about its job, also where its event was dropped.
  for (const { message } of change.changes.messages)
    if (message.ai && message.state !== 'streaming') for (const job of jobs.values()) if (job.message_id === message.id) jobs.delete(job.id);
});
onClose(() => jobs.clear());
