// @vitest-environment node
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addRange, BEGINNING, cutHeads, HEAD, newestRange, pageRange, rangeAt, type Range } from '../../../src/sync/ranges';

const point = fc.integer({ min: 0, max: 21 }).map((n) => (n === 0 ? BEGINNING : n === 21 ? HEAD : `m${String(n).padStart(2, '0')}`));
const range = fc.tuple(point, point, fc.integer({ min: 1, max: 2 })).map(([a, b, epoch]): Range => (a < b ? { lo: a, hi: b, epoch } : { lo: b, hi: a, epoch }));
const inside = (ranges: readonly Range[], id: string) => ranges.some(({ lo, hi }) => lo <= id && id <= hi);

describe('ranges', () => {
  it('know exactly what any of them knew, the later epoch first', () =>
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), (added) => {
        // Epochs only rise.
        const inOrder = [...added].sort((a, b) => a.epoch - b.epoch);
        const ranges = inOrder.reduce<Range[]>(addRange, []);
        for (let n = 1; n <= 20; n++) {
          const id = `m${String(n).padStart(2, '0')}`;
          expect(inside(ranges, id)).toBe(inside(added, id));
          const best = Math.max(0, ...added.filter(({ lo, hi }) => lo <= id && id <= hi).map(({ epoch }) => epoch));
          expect(rangeAt(ranges, id)?.epoch ?? 0).toBe(best);
        }
        // In order, and two of them share an edge at most.
        ranges.forEach(({ lo }, index) => index > 0 && expect(ranges[index - 1]!.hi <= lo).toBe(true));
      }),
    ));

  it('join pages on both sides', () => {
    const newest = pageRange({}, ['m5', 'm6'], true, 1, true)!;
    const older = pageRange({ before: 'm5' }, ['m3', 'm4'], false, 1, true)!;
    expect(addRange([newest], older)).toEqual([{ lo: BEGINNING, hi: HEAD, epoch: 1 }]);
  });

  it('end where a page ends, unless it says that it is all', () => {
    const ids = ['m3', 'm4'];
    expect(pageRange({ before: 'm5' }, ids, true, 1, true)).toEqual({ lo: 'm3', hi: 'm5', epoch: 1 });
    expect(pageRange({ before: 'm5' }, ids, false, 1, true)).toEqual({ lo: BEGINNING, hi: 'm5', epoch: 1 });
    expect(pageRange({ after: 'm2' }, ids, true, 1, true)).toEqual({ lo: 'm2', hi: 'm4', epoch: 1 });
    expect(pageRange({ after: 'm2' }, ids, false, 1, true)).toEqual({ lo: 'm2', hi: HEAD, epoch: 1 });
    expect(pageRange({ after: 'm2' }, ids, false, 1, false)).toEqual({ lo: 'm2', hi: 'm4', epoch: 1 });
    expect(pageRange({ around: 'm3' }, ids, true, 1, true)).toEqual({ lo: 'm3', hi: 'm4', epoch: 1 });
    expect(pageRange({}, ids, true, 1, false)).toEqual({ lo: 'm3', hi: 'm4', epoch: 1 });
    expect(pageRange({}, [], true, 1, true)).toBe(null);
  });

  it('stop growing when the chain of cursors breaks', () => {
    expect(cutHeads([{ lo: 'm1', hi: HEAD, epoch: 1 }], 'm4')).toEqual([{ lo: 'm1', hi: 'm4', epoch: 1 }]);
    expect(cutHeads([{ lo: 'm1', hi: HEAD, epoch: 1 }], null)).toEqual([]);
    expect(newestRange([{ lo: 'm1', hi: 'm4', epoch: 1 }, { lo: 'm7', hi: HEAD, epoch: 2 }])?.lo).toBe('m7');
  });
});
