import { api, ApiError } from './api';
import type { End, Link, LinkEvents, LinkOptions } from './link';
import type { ServerEvent } from './types';

const WAIT_S = 25;

export function openPoll({ since }: LinkOptions, on: LinkEvents): Link {
  let abort = new AbortController();
  let over = false;

  const end = (why: End) => {
    if (over) return;
    over = true;
    abort.abort();
    on.end(why);
  };
  const run = async () => {
    let at = since;
    let stands = false;
    let told = false;
    while (!over) {
      // The first answer comes at once: it is the word that we are connected.
      const wait = at === null || !stands ? 0 : WAIT_S;
      const { events, cursor }: { events: ServerEvent[]; cursor: string } = await api.get('/api/v1/poll', { since: at, timeout: wait, ...(told || at === null ? {} : { online: 1 }) }, { signal: abort.signal, timeout: (wait + 15) * 1000 });
      if (over) return;
      if (!stands) {
        stands = true;
        on.open(cursor);
      }
      told ||= events.some(({ type }) => type === 'online');
      if (events.length > 0 || cursor !== at) on.events(events, cursor);
      at = cursor;
    }
  };
  run().catch((fault: unknown) => {
    if (fault instanceof ApiError && fault.status === 401) end('unauthorized');
    else if (fault instanceof ApiError && fault.status === 429) end('too_many');
    else end(fault instanceof ApiError && fault.code === 'offline' ? 'refused' : 'closed');
  });

  return {
    transport: 'poll',
    // After sleep a request may hang on a connection that is gone: a new one asks again from the same cursor.
    probe: () => end('silent'),
    close: () => end('closed'),
  };
}
