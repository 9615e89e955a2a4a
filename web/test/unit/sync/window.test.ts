// @vitest-environment node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/net/types';
import { emptyWindow, trimmed, unreadLine, withMessage, withPart, WINDOW_MAX, type Window } from '../../../src/sync/window';
import { me, other } from './truth';

const message = (n: number, sender = other): Message => ({ id: `m${String(n).padStart(5, '0')}`, room: 'r', sender, kind: 'text', text: `${n}`, created_at: '', mentions: [], state: 'complete' });
const run = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => message(from + index));
const ids = (window: Window) => window.messages.map(({ id }) => id);

describe('the window', () => {
  it('stays sorted, without repeats and within its size, whatever comes', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.record({ one: fc.nat(2000) }), fc.record({ from: fc.nat(2000), length: fc.integer({ min: 1, max: 200 }), older: fc.boolean() })), { maxLength: 30 }), (steps) => {
        let window: Window = { ...emptyWindow, messages: run(1000, 1050), head: true };
        for (const step of steps)
          window = 'one' in step ? withMessage(window, message(step.one))[0] : withPart(window, { messages: run(step.from, step.from + step.length), beginning: false, head: false }, step.older ? 'older' : 'newer');
        const list = ids(window);
        expect([...new Set(list)].sort()).toEqual(list);
        expect(list.length).toBeLessThanOrEqual(WINDOW_MAX);
      }),
    ));

  it('adds at the head only where the head is, and counts what came among the others', () => {
    const window: Window = { ...emptyWindow, messages: run(10, 20), head: false };
    expect(withMessage(window, message(30))[1]).toBe('no');
    expect(withMessage({ ...window, head: true }, message(30))[1]).toBe('appended');
    expect(withMessage(window, message(5))[1]).toBe('no');
    expect(withMessage({ ...window, messages: [message(1), message(9)] }, message(5))[1]).toBe('inserted');
    expect(withMessage(window, { ...message(12), text: 'edited' })[1]).toBe('changed');
  });

  it('lets go of the side that is not read, and knows that there is more', () => {
    const full: Window = { messages: run(0, 500), beginning: true, head: true, holes: new Set() };
    expect([trimmed(full, 'oldest').head, trimmed(full, 'oldest').beginning]).toEqual([false, true]);
    expect([trimmed(full, 'newest').head, trimmed(full, 'newest').beginning]).toEqual([true, false]);
  });

  it('shows a hole where one is', () => {
    const joined = withPart({ ...emptyWindow, messages: run(20, 30) }, { messages: run(0, 5), beginning: true, head: false }, 'older', true);
    expect([...joined.holes]).toEqual([message(4).id]);
  });
});

describe('the unread line', () => {
  const list = [message(1), message(2, me), message(3), message(4, me), message(5), message(6)];
  it('is behind the mark', () => {
    expect(unreadLine(list, me.id, 2, message(4).id)).toBe(message(4).id);
    expect(unreadLine(list, me.id, 0, message(4).id)).toBe(null);
    expect(unreadLine(list, me.id, 1, message(6).id)).toBe(null);
  });
  it('is counted back where the mark is not known', () => {
    expect(unreadLine(list, me.id, 2, null)).toBe(message(4).id);
    expect(unreadLine(list, me.id, 3, null)).toBe(message(2).id);
    // More than is here: from as far up as one can see.
    expect(unreadLine(list, me.id, 99, null)).toBe(message(1).id);
  });
});
