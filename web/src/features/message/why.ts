/**
 * message/why: why there is no answer, or no whole one, in the reader's words. What the node says is in the language of
 * who asked; it gives a code beside it, and where that has words here, they are shown. They come when they are first
 * needed: until then, and for a code of a newer node, the node's own stand there.
 */
import { formatNumber, formatTime, t, withWords } from '@/app/i18n';

export interface Told { code?: string; retry_after?: number }

const DAY = 86_400_000;
let asked = false;

function words(key: string, { retry_after }: Told): string {
  const found = t(key, {
    at: formatTime(Math.ceil(Date.now() / DAY) * DAY), // the node's days are those of UTC
    ...(retry_after === undefined ? {} : { seconds: formatNumber(retry_after) }),
  });
  return found === key || found.includes('{') ? '' : found;
}

/** Within a sentence. `text` is what the node says; a server's answer that it passes on is shown, too. */
export function whyOf(told: Told, text = ''): string {
  if (!told.code) return text;
  if (!asked) {
    asked = true;
    withWords('why', async () => {}).catch(() => (asked = false));
  }
  const own = words(`why.${told.code}`, told);
  return own && /^HTTP \d/.test(text) ? `${own} (${text})` : own || text;
}

/** As a sentence of its own. */
export function noticeOf(told: Told, text: string): string {
  const own = whyOf(told, text);
  if (own === text) return text;
  return words(`why.${told.code}.notice`, told) || `${own[0]!.toUpperCase()}${own.slice(1)}.`;
}
