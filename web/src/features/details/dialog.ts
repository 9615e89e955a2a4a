/** details/dialog: how a dialog asks: what a form has of it, and what the node is told. */
import type { RoomAi } from '@/net/types';

export interface DialogAsk {
  /** "provider/model"; empty: the persona's own. */
  model: string;
  system_prompt: string;
  /** null: the model's. */
  temperature: number | null;
  max_tokens: number | null;
}
export type DialogChange = { [K in keyof DialogAsk]: DialogAsk[K] | null };

export const askOf = (ai: Pick<RoomAi, 'model' | 'system_prompt' | 'temperature' | 'max_tokens'>): DialogAsk => ({
  model: ai.model ?? '', system_prompt: ai.system_prompt ?? '', temperature: ai.temperature ?? null, max_tokens: ai.max_tokens ?? null,
});

/** Only what differs; what is empty is put back to what it was without it. */
export function changesOf(before: DialogAsk, after: DialogAsk): Partial<DialogChange> {
  const out: Partial<DialogChange> = {};
  if (after.model !== before.model) out.model = after.model || null;
  if (after.system_prompt.trim() !== before.system_prompt) out.system_prompt = after.system_prompt.trim() || null;
  if (after.temperature !== before.temperature) out.temperature = after.temperature;
  if (after.max_tokens !== before.max_tokens) out.max_tokens = after.max_tokens;
  return out;
}
