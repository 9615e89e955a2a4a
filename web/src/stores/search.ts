import type { Message } from '../net/types';
import { engine } from './core';

/** What this browser has of the rooms one looked at: also offline. Newest first. */
export async function searchCached(words: string, options: { room?: string; limit?: number } = {}): Promise<Message[]> {
  const trimmed = words.trim();
  return trimmed ? engine().archive.find(trimmed, options.room ?? null, options.limit ?? 50) : [];
}
