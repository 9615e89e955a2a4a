import { shallowReactive } from 'vue';
import type { Job } from '../net/types';

export const jobs = shallowReactive(new Map<string, Job>());
export const jobOf = (questionId: string): Job | null => [...jobs.values()].find((job) => job.question === questionId) ?? null;
export async function loadJobs(): Promise<void> {}
