import { shallowRef, type ShallowRef } from 'vue';

export interface OutboxEntry {
  client_id: string;
  room: string;
  text: string;
  reply_to?: string;
  created_at: string;
  state: 'queued' | 'sending' | 'failed';
  error?: string;
}
export const outbox: ShallowRef<OutboxEntry[]> = shallowRef([]);
export async function send(_room: string, _text: string, _reply_to?: string): Promise<void> {}
export async function retry(_client_id: string): Promise<void> {}
export async function discard(_client_id: string): Promise<void> {}
