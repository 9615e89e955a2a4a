import { expect, test } from 'vitest';
import { type Span, common, grown, isEmpty, NONE } from '@/features/room/span';

const span = (first: number, last: number): Span => ({ first, last });

test.each([
  ['at first what has to be there', NONE, span(40, 60), span(30, 70), span(40, 60)],
  ['then a few more on each side', span(40, 60), span(40, 60), span(30, 70), span(37, 63)],
  ['no further than is wanted', span(31, 69), span(40, 60), span(30, 70), span(30, 70)],
  ['what is further away goes', span(20, 80), span(40, 60), span(30, 70), span(30, 70)],
  ['what has to be there comes at once', span(40, 60), span(25, 45), span(15, 55), span(25, 55)],
  ['nothing of it is in view any more', span(40, 60), span(100, 120), span(90, 130), span(100, 120)],
])('%s', (_, drawn, near, far, expected) => {
  expect(grown(drawn, near, far, 3)).toEqual(expected);
});

test('what two have in common', () => {
  expect(common(span(1, 5), span(4, 9))).toEqual(span(4, 5));
  expect(isEmpty(common(span(1, 3), span(4, 9)))).toBe(true);
});
