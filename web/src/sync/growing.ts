// An answer while it grows. Within a run each channel's text is only ever added to, so a delta is a slice of it at
// a byte offset and a snapshot its beginning: they join in any order, however often they come. A slice behind a hole
// waits for what is missing (a snapshot, the part the node has stored); message.completed carries everything anyway.
import type { MessageDeltaEvent } from '../net/types';

type Slice = Pick<MessageDeltaEvent, 'at' | 'text'>;
interface Channel {
  text: string;
  bytes: number;
  /** Behind a hole, by offset. */
  early: Slice[];
}
export interface GrowingState {
  run: number;
  text: Channel;
  reasoning: Channel;
}

/** Beyond these a hole is not worth the memory. */
const EARLY_MAX = 2000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytesOf = (text: string) => encoder.encode(text).length;
const nothing: Channel = { text: '', bytes: 0, early: [] };

export const growingAt = (run: number): GrowingState => ({ run, text: nothing, reasoning: nothing });
/** Something is missing in the middle of what would be shown. */
export const hasGap = (state: GrowingState): boolean => state.text.early.length > 0;

/** The state after a delta; the same object if that says nothing new. */
export function joinDelta(before: GrowingState | null, delta: MessageDeltaEvent): GrowingState {
  const state = at(before, delta.run);
  if (state === null) return before!;
  const channel = delta.snapshot ? withBeginning(state[delta.channel], delta.text) : withSlice(state[delta.channel], delta);
  return channel === state[delta.channel] ? state : { ...state, [delta.channel]: channel };
}

/** What the node has stored of it so far: bridges a hole if it reaches that far. */
export function joinStored(before: GrowingState | null, run: number, text: string): GrowingState {
  const state = at(before, run);
  if (state === null) return before!;
  const channel = withBeginning(state.text, text);
  return channel === state.text ? state : { ...state, text: channel };
}

/** The state of that run, begun anew if it is a higher one; null if it is over. */
function at(state: GrowingState | null, run: number): GrowingState | null {
  if (state === null || run > state.run) return growingAt(run);
  return run < state.run ? null : state;
}

function withBeginning(channel: Channel, text: string): Channel {
  const bytes = bytesOf(text);
  return bytes <= channel.bytes ? channel : joined({ ...channel, text, bytes });
}

function withSlice(channel: Channel, slice: Slice): Channel {
  if (slice.at > channel.bytes) {
    if (channel.early.length >= EARLY_MAX || channel.early.some((early) => early.at === slice.at && early.text === slice.text)) return channel;
    return { ...channel, early: [...channel.early, { at: slice.at, text: slice.text }].sort((a, b) => a.at - b.at) };
  }
  const longer = append(channel, slice);
  return longer === channel ? channel : joined(longer);
}

function append(channel: Channel, { at, text }: Slice): Channel {
  const end = at + bytesOf(text);
  if (end <= channel.bytes) return channel;
  const rest = at === channel.bytes ? text : decoder.decode(encoder.encode(text).subarray(channel.bytes - at));
  return { ...channel, text: channel.text + rest, bytes: end };
}

function joined(channel: Channel): Channel {
  let whole = channel;
  let taken = 0;
  for (const slice of channel.early) {
    if (slice.at > whole.bytes) break;
    whole = append(whole, slice);
    taken += 1;
  }
  return taken === 0 ? whole : { ...whole, early: channel.early.slice(taken) };
}
