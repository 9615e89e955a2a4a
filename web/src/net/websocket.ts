import { keepPlaces } from './elsewhere';
import type { Answer, End, Frame, Link, LinkEvents, LinkOptions, SendFrame } from './link';
import type { ServerEvent } from './types';

const OPEN_MS = 10_000;
const PING_MS = 20_000;
/** Two pings without a word. */
const SILENT_MS = 45_000;
const PROBE_MS = 4_000;

export function openWebSocket({ token, since }: LinkOptions, on: LinkEvents): Link {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`, ['neuralchat.v1']);
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(fault: Error): void }>();
  let ref = 0;
  let over = false;
  let stands = false;
  let heard = performance.now();
  let probing: ReturnType<typeof setTimeout> | undefined;

  const say = (frame: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
  const opening = setTimeout(() => end(socket.readyState === WebSocket.CONNECTING ? 'refused' : 'silent'), OPEN_MS);
  const pinging = setInterval(() => {
    if (performance.now() - heard > SILENT_MS) end('silent');
    else say({ type: 'ping' });
  }, PING_MS);

  function end(why: End): void {
    if (over) return;
    over = true;
    clearTimeout(opening);
    clearTimeout(probing);
    clearInterval(pinging);
    socket.close();
    for (const { reject } of waiting.values()) reject(new Error('the link ended'));
    waiting.clear();
    on.end(why);
  }

  socket.onopen = () => say({ type: 'hello', token, ...(since ? { since } : {}) });
  socket.onclose = ({ code }) => {
    if (code === 4401) end('unauthorized');
    else if (code === 1012) end('restart');
    else if (code === 4429) end('too_many');
    else end(stands || code !== 1006 ? 'closed' : 'refused');
  };
  socket.onmessage = ({ data }) => {
    if (over) return;
    heard = performance.now();
    clearTimeout(probing);
    probing = undefined;
    const frame = JSON.parse(data as string) as Frame;
    switch (frame.type) {
      case 'welcome':
        stands = true;
        clearTimeout(opening);
        if (frame.nodes) keepPlaces(frame.nodes); // an older node says nothing of it
        on.open(frame.cursor);
        break;
      case 'pong':
        break;
      case 'ack':
      case 'error':
        answer(frame.ref, frame);
        break;
      case 'notice':
        if (frame.ref !== undefined) answer(frame.ref, frame);
        else on.events([frame]);
        break;
      default:
        on.events([frame as ServerEvent]);
    }
  };

  function answer(to: unknown, frame: Answer): void {
    const asked = waiting.get(to as number);
    waiting.delete(to as number);
    asked?.resolve(frame);
  }

  return {
    transport: 'ws',
    send(frame: SendFrame): Promise<Answer> {
      return new Promise((resolve, reject) => {
        if (over || socket.readyState !== WebSocket.OPEN) return reject(new Error('the link is not open'));
        ref += 1;
        waiting.set(ref, { resolve, reject });
        say({ ...frame, ref });
      });
    },
    renew: (newer) => void say({ type: 'auth', token: newer }),
    probe() {
      say({ type: 'ping' });
      probing ??= setTimeout(() => end('silent'), PROBE_MS);
    },
    close: () => end('closed'),
  };
}
