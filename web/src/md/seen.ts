// Characters that turn around what stands behind them, or take no room: in code they are shown by their numbers, so
// that nothing is read in another order than it runs in. What is copied is what was written.

const HIDDEN = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;

export const seen = (code: string): string =>
  code.replace(HIDDEN, (sign) => `[U+${sign.charCodeAt(0).toString(16).toUpperCase()}]`);
