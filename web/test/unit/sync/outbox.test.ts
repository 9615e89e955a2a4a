// @vitest-environment node
// A node that loses questions, answers and its patience: every message arrives once, in the order it was written.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inOrder, nextLook, outcomeOf, sendable, type OutboxRecord, type Outcome } from '../../../src/sync/outbox';
import { Sender } from '../../../src/sync/sender';
import { uuidv7 } from '../../../src/sync/uuid';

let place = 0;
const entry = (room: string, text: string): OutboxRecord => ({ client_id: uuidv7(), room, text, created_at: '', state: 'queued', place: (place += 1) });
const later = (entries: OutboxRecord[]) => entries.map(({ text }) => text);

describe('what may go', () => {
  const [a1, a2, b1] = [entry('a', 'a1'), entry('a', 'a2'), entry('b', 'b1')];
  it('is the first of each room', () => expect(later(sendable([a2, b1, a1], new Set(), new Map(), 0))).toEqual(['a1', 'b1']));
  it('waits for what is under way, and for its time', () => {
    expect(later(sendable([a1, a2, b1], new Set([a1.client_id]), new Map(), 0))).toEqual(['b1']);
    expect(later(sendable([a1, a2, b1], new Set(), new Map([[a1.client_id, 9]]), 5))).toEqual(['b1']);
    expect(nextLook([a1, a2], new Set(), new Map([[a1.client_id, 9]]))).toBe(9);
    // What is under way, or behind it, is not looked at again by the clock.
    expect(nextLook([a1, a2], new Set([a1.client_id]), new Map([[a1.client_id, 9]]))).toBe(null);
  });
  it('passes by what failed', () => expect(later(sendable([{ ...a1, state: 'failed' }, a2], new Set(), new Map(), 0))).toEqual(['a2']));
});

describe('a refusal', () => {
  it('is for now or for good', () => {
    expect(outcomeOf('rate_limited', '', 3)).toEqual({ kind: 'later', afterMs: 3000 });
    expect(outcomeOf('offline', '').kind).toBe('later');
    expect(outcomeOf('unavailable', '').kind).toBe('later');
    expect(outcomeOf('forbidden', 'you are out')).toEqual({ kind: 'failed', error: 'you are out' });
    expect(outcomeOf('too_large', '').kind).toBe('failed');
  });
});

describe('the sender', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const fate = fc.constantFrom('ok', 'lost', 'answer lost', 'busy', 'refused');

  it('delivers once and in order through a bad line', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 10 }), fc.array(fate, { maxLength: 30 }), fc.nat(200), async (rooms, fates, restartAt) => {
        const disk = new Map<string, OutboxRecord>();
        rooms.forEach((room, index) => {
          const made = entry(room, `${index}`);
          disk.set(made.client_id, made);
        });
        const node: OutboxRecord[] = [];
        const failed: string[] = [];
        const under = new Set<string>();
        const together: string[] = [];
        let step = 0;
        const make = () =>
          new Sender({
            entries: async () => [...disk.values()],
            async deliver(sent): Promise<Outcome> {
              const now = fates[step++] ?? 'ok';
              // Two of one room at once could arrive the other way round.
              if (under.has(sent.room)) together.push(sent.room);
              under.add(sent.room);
              sender.kick();
              await new Promise((resolve) => setTimeout(resolve, 10));
              under.delete(sent.room);
              if (now === 'lost') throw Object.assign(new Error(), { code: 'offline' });
              if (now === 'busy') return outcomeOf('rate_limited', '', 1);
              if (now === 'refused') return outcomeOf('forbidden', 'no');
              // As the node does it: the same client_id twice is the same message.
              if (!node.some(({ client_id }) => client_id === sent.client_id)) node.push(sent);
              if (now === 'answer lost') throw Object.assign(new Error(), { code: 'timeout' });
              disk.delete(sent.client_id);
              return { kind: 'done' };
            },
            async failed({ client_id, text }, error) {
              failed.push(text);
              disk.set(client_id, { ...disk.get(client_id)!, state: 'failed', error });
            },
            underWay: () => {},
            random: () => 0,
          });
        let sender: Sender = make();
        sender.start();
        await vi.advanceTimersByTimeAsync(restartAt);
        // The tab goes away in the middle; another one takes the outbox over.
        sender.stop();
        await vi.advanceTimersByTimeAsync(50);
        sender = make();
        sender.start();
        await vi.advanceTimersByTimeAsync(400_000);
        sender.stop();
        for (const room of ['a', 'b']) {
          const written = rooms.map((name, index) => (name === room ? `${index}` : null)).filter((text) => text !== null && !failed.includes(text));
          expect(later(node.filter((sent) => sent.room === room && !failed.includes(sent.text)))).toEqual(written);
        }
        expect(together).toEqual([]);
        expect(new Set(node.map(({ client_id }) => client_id)).size).toBe(node.length);
        expect([...disk.values()].every(({ state }) => state === 'failed')).toBe(true);
      }),
      { numRuns: 200 },
    ));
});

describe('between two tries', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const one = entry('a', 'x');
  const trying = () => {
    let tries = 0;
    const sender = new Sender({
      entries: async () => [one],
      deliver: async () => {
        tries += 1;
        throw Object.assign(new Error(), { code: 'offline' });
      },
      failed: async () => {},
      underWay: () => {},
      random: () => 0,
    });
    return { sender, tries: () => tries };
  };
  it('is ever more time, and none when the node is back', async () => {
    const { sender, tries } = trying();
    sender.start();
    await vi.advanceTimersByTimeAsync(250);
    expect(tries()).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries()).toBeLessThanOrEqual(9);
    const before = tries();
    sender.kick();
    await vi.advanceTimersByTimeAsync(10);
    expect(tries()).toBe(before);
    sender.kick(true);
    await vi.advanceTimersByTimeAsync(10);
    expect(tries()).toBe(before + 1);
    sender.stop();
  });
  it('nothing goes after a stop', async () => {
    const { sender, tries } = trying();
    sender.start();
    await vi.advanceTimersByTimeAsync(10);
    sender.stop();
    sender.kick(true);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(tries()).toBe(1);
  });
});

it('the queue keeps its order, also when the clock goes back', () => {
  const written = [1_700_000_000_000, 1_600_000_000_000, 1_800_000_000_000].map((_now, index) => ({ client_id: `${9 - index}`, place: index }));
  expect(inOrder([...written].reverse())).toEqual(written);
});

describe('client ids', () => {
  it('sort as they were made', () => {
    const ids = Array.from({ length: 5000 }, (_, index) => uuidv7(1_700_000_000_000 + Math.floor(index / 4500)));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
