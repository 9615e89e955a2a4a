// @vitest-environment node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageDeltaEvent } from '../../../src/net/types';
import { growingAt, hasGap, joinDelta, joinStored, type GrowingState } from '../../../src/sync/growing';

const bytes = (text: string) => new TextEncoder().encode(text).length;
function deltas(pieces: string[], run = 0, channel: 'text' | 'reasoning' = 'text'): MessageDeltaEvent[] {
  let at = 0;
  return pieces.map((text, n) => {
    const delta = { type: 'message.delta' as const, room: 'r', message_id: 'm', run, n, at, channel, text };
    at += bytes(text);
    return delta;
  });
}
const join = (state: GrowingState | null, list: MessageDeltaEvent[]) => list.reduce<GrowingState | null>(joinDelta, state);
const pieces = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 20 });

describe('a growing answer', () => {
  it('is the same in whatever order its deltas come, however often', () =>
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 30 }), fc.infiniteStream(fc.nat()), (parts, again, random) => {
        const all = deltas(parts);
        const mixed = [...all, ...again.map((index) => all[index % all.length]!)].map((delta) => ({ delta, at: random.next().value as number })).sort((a, b) => a.at - b.at).map(({ delta }) => delta);
        const state = join(null, mixed)!;
        expect(state.text.text).toBe(parts.join(''));
        expect(hasGap(state)).toBe(false);
      }),
    ));

  it('shows what it has up to a hole, and goes on when a snapshot or the stored part fills it', () =>
    fc.assert(
      fc.property(pieces, fc.nat(), fc.nat(), fc.boolean(), (parts, lost, upTo, stored) => {
        const all = deltas(parts);
        const hole = lost % all.length;
        const before = join(null, all.filter((_, index) => index !== hole)) ?? growingAt(0);
        expect(before.text.text).toBe(parts.slice(0, hole).join(''));
        const reach = hole + 1 + (upTo % (all.length - hole));
        const text = parts.slice(0, reach).join('');
        const after = stored ? joinStored(before, 0, text) : joinDelta(before, { ...all[0]!, n: reach - 1, at: 0, text, snapshot: true });
        expect(after.text.text).toBe(parts.join(''));
      }),
    ));

  it('begins anew with a higher run, and hears no lower one', () => {
    const first = join(null, deltas(['one ', 'two']))!;
    const second = join(first, deltas(['again'], 1))!;
    expect([second.run, second.text.text]).toEqual([1, 'again']);
    expect(joinDelta(second, deltas(['one '])[0]!)).toBe(second);
    expect(joinStored(second, 0, 'one two')).toBe(second);
  });

  it('keeps what is thought apart from what is said', () => {
    const state = join(join(null, deltas(['hm'], 0, 'reasoning')), deltas(['yes']))!;
    expect([state.reasoning.text, state.text.text]).toEqual(['hm', 'yes']);
  });
});
