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
