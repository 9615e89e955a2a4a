// Answers while they grow. Nothing of this is written to the disk; a finished message takes its place.
import { shallowRef, type ShallowRef } from 'vue';
import { api } from '../net/api';
import type { Message, MessageDeltaEvent } from '../net/types';
import { hasGap, joinDelta, joinStored, type GrowingState } from '../sync/growing';
import { onChange, onClose } from './core';

export interface Growing {
  run: number;
  text: string;
  reasoning: string;
  /** Rises at most once per animation frame, and not in each. */
  version: number;
}
interface Answer {
  state: GrowingState | null;
  shown: ShallowRef<Growing | null>;
  stored: boolean;
}
const BRIDGE_MS = 1_200;
/** Nobody reads faster, and all frames that are not drawn are left to whoever types. */
const SHOW_MS = 33;

const answers = new Map<string, Answer>();
const changed = new Set<string>();
let due = false;
let drawn = 0;

const answerOf = (id: string): Answer => {
  let answer = answers.get(id);
  if (!answer) answers.set(id, (answer = { state: null, shown: shallowRef(null), stored: false }));
  return answer;
};

/** Null when nothing is known to grow: then the message itself has the text. */
export function growing(messageId: string): ShallowRef<Growing | null> {
  const answer = answerOf(messageId);
  if (answer.state && !answer.shown.value) show(messageId);
  return answer.shown;
}

/** The stored part of an answer that grows: what this tab did not hear from the beginning. */
function growFrom(message: Message): void {
  if (message.state !== 'streaming') return end(message.id);
  const answer = answerOf(message.id);
  const run = message.alternatives?.chosen ?? 0;
  if (!message.text && !(answer.state && answer.state.run < run)) return;
  set(message.id, joinStored(answer.state, run, message.text));
}

/** One that began before this tab was there: its words so far were told to the tab that has the connection, once. */
export function comeUpWith(message: Message): void {
  if (message.state !== 'streaming') return;
  growFrom(message);
  if (lacks(answerOf(message.id))) bridgeLater(message.id);
}

function hear(delta: MessageDeltaEvent): void {
  const answer = answerOf(delta.message_id);
  set(delta.message_id, joinDelta(answer.state, delta));
  if (lacks(answer)) bridgeLater(delta.message_id);
}
const lacks = ({ state }: Answer) => state === null || hasGap(state);
/** The node stores what there is every second. */
function bridgeLater(id: string): void {
  const answer = answerOf(id);
  if (answer.stored) return;
  answer.stored = true;
  setTimeout(() => void bridge(id), BRIDGE_MS);
}
async function bridge(id: string): Promise<void> {
  const answer = answers.get(id);
  if (!answer) return;
  const message = lacks(answer) ? await api.get<Message>(`/api/v1/messages/${id}`).catch(() => null) : null;
  answer.stored = false;
  if (message?.state === 'streaming') growFrom(message);
}

function set(id: string, state: GrowingState): void {
  const answer = answerOf(id);
  if (answer.state === state) return;
  answer.state = state;
  changed.add(id);
  if (due) return;
  due = true;
  const wait = drawn + SHOW_MS - performance.now();
  // A frame's own moment is a little off: what is due within half a frame is due in the next one.
  if (wait > 8) setTimeout(() => requestAnimationFrame(showChanged), wait - 8);
  else requestAnimationFrame(showChanged);
}
function showChanged(now: number): void {
  due = false;
  drawn = now;
  const ids = [...changed];
  changed.clear();
  ids.forEach(show);
}
function show(id: string): void {
  const answer = answers.get(id);
  if (!answer?.state) return;
  const { run, text, reasoning } = answer.state;
  answer.shown.value = { run, text: text.text, reasoning: reasoning.text, version: (answer.shown.value?.version ?? 0) + 1 };
}
function end(id: string): void {
  const answer = answers.get(id);
  changed.delete(id);
  if (!answer) return;
  answer.state = null;
  answer.shown.value = null;
}

onChange((change) => {
  if (change.t === 'live') for (const event of change.events) if (event.type === 'message.delta') hear(event);
  if (change.t === 'changes') for (const { message } of change.changes.messages) if (answers.has(message.id) || message.state === 'streaming') growFrom(message);
});
onClose(() => {
  for (const id of answers.keys()) end(id);
  answers.clear();
});
