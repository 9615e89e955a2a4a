// @vitest-environment node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, LAST_MS } from '../../../src/net/backoff';
import { sseReader, type SseItem } from '../../../src/net/sse';
import { pathWith } from '../../../src/net/api';

describe('server-sent events', () => {
  const stream = 'retry: 2000\n\nid: c.5\n\n: still here\n\nid: c.8\nevent: room.created\ndata: {"type":"x",\ndata: "y":1}\n\nevent: typing\r\ndata: {}\r\n\r\n';
  const items: SseItem[] = [{ id: 'c.5' }, { id: 'c.8', data: '{"type":"x",\n"y":1}' }, { data: '{}' }];

  it('are the same wherever the network cuts them', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
        const read = sseReader();
        const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
        expect(edges.slice(1).flatMap((to, index) => read(stream.slice(edges[index], to)))).toEqual(items);
      }),
    ));
});

describe('coming again', () => {
  it('waits from 0.15 s to a minute, never longer, never the same for all', () => {
    expect(backoff(0, () => 0)).toBe(300);
    expect(backoff(0, () => 1)).toBe(150);
    expect(backoff(50, () => 0)).toBe(LAST_MS);
    for (let tries = 0; tries < 12; tries++) expect(backoff(tries, () => 0)).toBeLessThanOrEqual(backoff(tries + 1, () => 0));
  });
});

describe('addresses', () => {
  it('leave out what is not said', () => expect(pathWith('/x', { a: 1, b: undefined, c: null, d: '', e: 'ё &' })).toBe('/x?a=1&e=%D1%91+%26'));
});
