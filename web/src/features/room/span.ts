/** room/span: which rows are drawn: those in view with some beside them, and no more of them at once than it takes. */
import type { Heights } from './heights';

/** From the first to the last of them. */
export interface Span {
  first: number;
  last: number;
}

export const NONE: Span = { first: 0, last: -1 };

export const reach = (heights: Heights, from: number, to: number): Span => ({ first: Math.max(0, heights.at(from)), last: heights.at(to) });

/** What both have. */
export const common = (a: Span, b: Span): Span => ({ first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) });
export const isEmpty = ({ first, last }: Span): boolean => last < first;

/** All of `near`, of what is further away what is drawn already, and on each side up to `step` more as far as `far`. */
export function grown(drawn: Span, near: Span, far: Span, step: number): Span {
  if (isEmpty(common(drawn, near))) return near;
  return {
    first: Math.max(far.first, Math.min(near.first, drawn.first - step)),
    last: Math.min(far.last, Math.max(near.last, drawn.last + step)),
  };
}
