// Which addresses a text may lead to.

const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

// The address as a browser would follow it, or null if nobody should.
export function safeHref(href: string): string | null {
  try {
    const url = new URL(href);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

// A place of this very client: opened here, not in a new tab.
export function isOwn(href: string): boolean {
  return typeof location === 'object' && href.startsWith(location.origin + '/r/');
}

const BLANK = /^[\s\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\u2800\u3164\ufeff]*$/;
const ADDRESS = /^\s*(?:[Hh][Tt]{2}[Pp][Ss]?:\/\/|(?=[Ww]{3}\.))((?:[\p{L}\p{N}-]+\.)+[\p{L}\p{N}-]{2,})(?=[/:?#\s]|$)/u; // without i: that is dear to make over so many letters

// What a link is to say besides its words: where it leads, if they say nothing, or name another place.
export function besides(words: string, href: string): string | null {
  if (BLANK.test(words)) return href;
  const named = ADDRESS.exec(words)?.[1];
  if (!named) return null;
  const { host, hostname } = new URL(href);
  try {
    return new URL(`https://${named}`).hostname === hostname ? null : ` (${host || href})`;
  } catch {
    return ` (${host || href})`;
  }
}
