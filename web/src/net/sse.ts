// Server-sent events read from fetch: EventSource could carry no token but in its address.
import { ApiError, pathWith, request } from './api';
import type { End, Link, LinkEvents, LinkOptions } from './link';
import type { ServerEvent } from './types';

const FIRST_MS = 8_000;
/** The node says something every 15 s. */
const SILENT_MS = 35_000;

export interface SseItem {
  id?: string;
  data?: string;
}

/** Cuts a stream of text into items; what is not whole yet waits. */
export function sseReader(): (chunk: string) => SseItem[] {
  let rest = '';
  let item: SseItem = {};
  return (chunk) => {
    const items: SseItem[] = [];
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') {
        if (item.id !== undefined || item.data !== undefined) items.push(item);
        item = {};
        continue;
      }
      const colon = line.indexOf(':');
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'id') item.id = value;
      else if (name === 'data') item.data = item.data === undefined ? value : `${item.data}\n${value}`;
    }
    return items;
  };
}

export function openSse({ since }: LinkOptions, on: LinkEvents): Link {
  const abort = new AbortController();
  let over = false;
  let stands = false;
  let heard = performance.now();

  const end = (why: End) => {
    if (over) return;
    over = true;
    clearTimeout(first);
    clearInterval(watching);
    abort.abort();
    on.end(why);
  };
  // A proxy that keeps answers back until they are whole lets nothing through: that is no stream.
  const first = setTimeout(() => end('refused'), FIRST_MS);
  const watching = setInterval(() => {
    if (performance.now() - heard > SILENT_MS) end('silent');
  }, 5_000);

  const deliver = (items: SseItem[]) => {
    const events: ServerEvent[] = [];
    let cursor: string | undefined;
    for (const { id, data } of items) {
      if (!stands) {
        stands = true;
        clearTimeout(first);
        on.open(id ?? null);
        if (data === undefined) continue;
      }
      if (data === undefined) continue;
      const event = JSON.parse(data) as ServerEvent;
      if (event.type === 'cursor') cursor = event.cursor;
      else events.push(event);
    }
    if (events.length > 0 || cursor) on.events(events, cursor);
  };

  const read = async () => {
    const answer = await request('GET', pathWith('/api/v1/events', { since }), undefined, { signal: abort.signal });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const cut = sseReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || over) break;
      heard = performance.now();
      deliver(cut(value));
    }
    end('closed');
  };
  read().catch((fault: unknown) => {
    if (fault instanceof ApiError && fault.status === 401) end('unauthorized');
    else if (fault instanceof ApiError && fault.status === 429) end('too_many');
    else end(stands ? 'closed' : 'refused');
  });

  return {
    transport: 'sse',
    // Nothing can be asked on a one-way stream: begun anew it is sure to live.
    probe: () => {
      if (performance.now() - heard > 16_000) end('silent');
    },
    close: () => end('closed'),
  };
}
