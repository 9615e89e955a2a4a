/** composer/length: how much of a message's limit is used, in the node's measure: bytes of UTF-8. */
const encoder = new TextEncoder();

export const DEFAULT_MAX = 65_536;
const NEAR = 0.9;

/** Bytes left, once that is worth saying; null far from the limit. No text is measured that cannot be near. */
export function bytesLeft(text: string, max = DEFAULT_MAX): number | null {
  if (text.length * 3 < max * NEAR) return null;
  const used = encoder.encode(text).length;
  return used < max * NEAR ? null : max - used;
}
