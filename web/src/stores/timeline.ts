// A room's messages as they are shown: a window over what is kept, from the disk first and then from the node.
import { getCurrentScope, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { api } from '../net/api';
import type { Branch, Message } from '../net/types';
import type { Part } from '../sync/archive';
import type { MessageChange } from '../sync/kept';
import { emptyWindow, place, unreadLine, withMessage, without, withPart, type Window } from '../sync/window';
import { uuidv7 } from '../sync/uuid';
import { comeUpWith } from './answers';
import { connection } from './connection';
import { engine, isOpen, onChange, onClose } from './core';
import { outbox, type OutboxEntry } from './outbox';
import { readMark, rooms } from './rooms';
import { session } from './session';

export interface Item {
  /** Never changes, also not when a queued message is acknowledged: its client_id. */
  key: string;
  message: Message;
  queued?: OutboxEntry;
  /** Something is missing behind this message. */
  gap?: { after: string; count?: number };
}
export interface Timeline {
  items: ShallowRef<Item[]>;
  hasOlder: Ref<boolean>;
  /** Nothing is before the first item: known, not merely not known otherwise. */
  beginning: Ref<boolean>;
  hasNewer: Ref<boolean>;
  loading: Ref<'' | 'older' | 'newer' | 'jump'>;
  /** The message above the unread line; fixed while the room is open. */
  unreadAfter: Ref<string | null>;
  /** Messages that came late, among those that were there already. Set to 0 by who has said so. */
  late: Ref<number>;
  /** It was read at least once, from wherever: an empty list means an empty room. */
  ready: Ref<boolean>;
  /** Why the last page did not come; empty when it did. */
  fault: Ref<string>;
  older(): Promise<void>;
  newer(): Promise<void>;
  /** The message that is loaded now: another stays for one that was there twice. Null: it is not there, or not to be reached. */
  jumpTo(id: string): Promise<string | null>;
  toEnd(): Promise<void>;
}
export interface Alternative {
  n: number;
  text: string;
  state: Message['state'];
  ai?: Message['ai'];
  created_at: string;
}

const PAGE = 50;
const UNREAD_MAX = 300;
const LOOKED_MS = 60_000;
/** How long the unread line waits for the list of rooms: who reads a room from outside is in none. */
const LISTED_MS = 1_500;

class RoomTimeline implements Timeline {
  readonly items: ShallowRef<Item[]> = shallowRef([]);
  readonly hasOlder = ref(false);
  readonly beginning = ref(false);
  readonly hasNewer = ref(false);
  readonly loading = ref<'' | 'older' | 'newer' | 'jump'>('');
  readonly unreadAfter = ref<string | null>(null);
  readonly late = ref(0);
  readonly ready = ref(false);
  readonly fault = ref('');
  private window: Window = emptyWindow;
  private fresh = false;
  /** What was read last is part of the chain of events: nothing that came since is missing in it. */
  private joined = false;
  private shown = new Map<string, Item>();
  private turn: Promise<unknown> = Promise.resolve();
  private readonly coming: { older?: Promise<void>; newer?: Promise<void> } = {};
  private users = 0;
  private opened = false;

  constructor(private readonly room: string) {}

  // --- Opening

  use(): void {
    if (getCurrentScope()) {
      this.users += 1;
      onScopeDispose(() => (this.users -= 1) === 0 && this.leave());
    }
    if (this.opened) return;
    this.opened = true;
    void this.inTurn(() => this.open());
  }

  /** Nobody looks: the next one finds the room at its unread line again. */
  private leave(): void {
    this.opened = false;
    this.unreadAfter.value = null;
    this.late.value = 0;
  }

  private async open(): Promise<void> {
    if (!isOpen()) return;
    const unreadNow = () => rooms.get(this.room)?.unread;
    const before = unreadNow(), unread = before ?? 0;
    const mark = readMark(this.room);
    const want = Math.min(UNREAD_MAX, unread + PAGE);
    // A disk that can't be read: the node is asked all the same, and who waits is told what came of it.
    const kept = await engine().archive.cached(this.room, {}, want).catch(() => null);
    if (!isOpen()) return;
    if (kept && (kept.messages.length > 0 || kept.beginning)) this.show(kept, kept.fresh, true);
    void engine().listing.change(this.room, (record) => void (record.opened = coarse(Date.now()))).catch(() => {});
    if (!kept?.fresh || !kept.head || kept.messages.length < Math.min(want, 30)) await this.reread(want, kept);
    const stand = () => {
      this.unreadAfter.value = unreadLine(this.window.messages, session.me?.id ?? '', before ?? unreadNow() ?? 0, mark ?? readMark(this.room));
      this.ready.value = true;
    };
    if (unreadNow() !== undefined) stand();
    else void listed(this.room).then(() => this.opened && stand());
  }

  /** The newest from the node. What is shown stays if it can't be reached. */
  private async reread(want: number, kept: Part | null): Promise<void> {
    if (kept?.fresh && kept.beginning && kept.head) return;
    try {
      await engine().archive.fetchPage(this.room, {}, Math.min(200, Math.max(PAGE, want)));
      const part = await engine().archive.cached(this.room, {}, Math.max(PAGE, want));
      if (part) this.show(part, true, true);
      this.joined = part?.fresh ?? false;
      // Let go again as soon as it came, time after time: an empty list would pass for an empty room.
      this.fault.value = part ? '' : 'internal';
    } catch (fault) {
      this.failed(fault);
    }
  }

  private failed(fault: unknown): void {
    const { code } = fault as { code?: unknown }; // The browser's own faults have numbers.
    this.fault.value = typeof code === 'string' ? code : 'internal';
  }
  /** `newest`: as far as is known nothing is behind it, so what comes is added there. */
  private show(part: Part, fresh: boolean, newest = false): void {
    this.window = { messages: part.messages, beginning: part.beginning, head: part.head || newest, holes: new Set() };
    this.fresh = fresh;
    part.messages.forEach(comeUpWith);
    this.render();
  }

  // --- Moving

  older(): Promise<void> {
    return this.once('older', async () => {
      const first = this.window.messages[0]?.id;
      if (first === undefined || this.window.beginning) return;
      await this.page('older', { before: first });
    });
  }
  newer(): Promise<void> {
    return this.once('newer', async () => {
      const last = this.window.messages.at(-1)?.id;
      if (last === undefined || this.window.head) return;
      await this.page('newer', { after: last });
    });
  }

  private async page(side: 'older' | 'newer', asked: { before?: string; after?: string }): Promise<void> {
    let part = await engine().archive.cached(this.room, asked, PAGE);
    if (!useful(part) || !part.fresh) {
      try {
        part = (await engine().archive.fetchNext(this.room, asked, PAGE)) ?? (await engine().archive.cached(this.room, asked, PAGE));
        this.fault.value = '';
      } catch (fault) {
        if (!useful(part)) return this.acrossHole(side, asked, fault);
      }
    }
    if (!part) return this.fromAnew(asked.before ?? asked.after!);
    this.window = withPart(this.window, part, side);
    part.messages.forEach(comeUpWith);
    this.render();
  }

  /** What is shown was read before one was known to be in the room, or is kept no more: nothing can be joined to it. */
  private async fromAnew(around: string): Promise<void> {
    try {
      await engine().archive.fetchPage(this.room, { around }, 2 * PAGE);
      const part = await engine().archive.cached(this.room, { around }, 2 * PAGE);
      if (part) this.show(part, part.fresh);
      this.fault.value = part ? '' : 'internal';
    } catch (fault) {
      this.failed(fault);
    }
  }

  /** The node can't be reached: what is kept beyond what is missing, with the hole shown. */
  private async acrossHole(side: 'older' | 'newer', asked: { before?: string; after?: string }, fault: unknown): Promise<void> {
    this.failed(fault);
    const beyond = await engine().archive.beyondHole(this.room, asked, PAGE);
    if (!beyond) return;
    this.window = withPart(this.window, beyond, side, true);
    this.render();
  }

  jumpTo(asked: string): Promise<string | null> {
    return this.move('jump', async () => {
      if (place(this.window.messages, asked).found) return asked;
      const id = (await getMessage(asked))?.id ?? asked;
      if (place(this.window.messages, id).found) return id;
      let part = await engine().archive.cached(this.room, { around: id }, PAGE);
      if (!part?.messages.some((message) => message.id === id)) {
        try {
          await engine().archive.fetchPage(this.room, { around: id }, PAGE);
          part = await engine().archive.cached(this.room, { around: id }, PAGE);
        } catch (fault) {
          this.failed(fault);
          return null;
        }
      }
      if (!part?.messages.some((message) => message.id === id)) return null;
      this.show(part, true);
      return id;
    });
  }

  toEnd(): Promise<void> {
    return this.move('jump', async () => {
      if (this.window.head) return;
      const kept = await engine().archive.cached(this.room, {}, PAGE);
      if (kept) this.show(kept, kept.fresh, true);
      if (!kept?.fresh) await this.reread(PAGE, kept);
    });
  }

  /** Asked for again before it has come, it is the same page: a reader may be near an end for many frames. */
  private once(what: 'older' | 'newer', work: () => Promise<void>): Promise<void> {
    return (this.coming[what] ??= this.move(what, work).finally(() => delete this.coming[what]));
  }

  private async move<T>(what: 'older' | 'newer' | 'jump', work: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.loading.value = what;
      try {
        return await work();
      } finally {
        this.loading.value = '';
      }
    });
  }
  /** One thing at a time: each begins with the window the other left. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => {});
    return mine;
  }

  // --- What comes

  /** True: there is something to be drawn, once all that came together is here. */
  take({ message, created, replaced_by }: MessageChange): boolean {
    if (replaced_by) return this.drop(message.id);
    const [next, how] = withMessage(this.window, message);
    if (how === 'no') {
      if (created && this.ready.value) this.hasNewer.value = !this.window.head;
      return false;
    }
    if (how === 'inserted' && created && message.late) this.late.value += 1;
    this.window = next;
    return true;
  }

  /** The line that was drawn below it goes up by one. */
  private drop(id: string): boolean {
    const { index, found } = place(this.window.messages, id);
    if (this.unreadAfter.value === id) this.unreadAfter.value = this.window.messages[index - 1]?.id ?? null;
    this.window = without(this.window, id);
    return found;
  }

  private isNew(): boolean {
    return this.fresh && this.window.holes.size === 0 && !this.fault.value;
  }

  /** The chain of events broke, or the node can be reached again: what was shown as it once was is read anew. */
  refresh(resync: boolean): void {
    if (resync) this.fresh = false;
    if (!this.opened || this.isNew()) return;
    void this.inTurn(async () => {
      // Whoever was just opening it had it from the node meanwhile.
      if (!isOpen() || (!resync && this.isNew() && this.joined)) return;
      const middle = this.window.messages[this.window.messages.length >> 1]?.id;
      const want = Math.min(200, Math.max(PAGE, this.window.messages.length));
      if (this.window.head || middle === undefined) return this.reread(want, null);
      try {
        await engine().archive.fetchPage(this.room, { around: middle }, want);
        const part = await engine().archive.cached(this.room, { around: middle }, want);
        if (part) this.show(part, true);
        this.fault.value = '';
      } catch (fault) {
        this.failed(fault);
      }
    });
  }

  clear(): void {
    this.window = emptyWindow;
    this.opened = false;
    this.render();
  }

  // --- Showing

  render(): void {
    const { messages, holes, head, beginning } = this.window;
    const said = new Set<string>();
    const items: Item[] = [];
    for (const message of messages) {
      const key = message.client_id ?? message.id;
      // Said to two nodes at once: the one with the lower id stays.
      if (said.has(key)) continue;
      said.add(key);
      items.push(this.item(key, message, undefined, holes.has(message.id)));
    }
    if (head || messages.length === 0)
      for (const entry of outbox.value) if (entry.room === this.room && !said.has(entry.client_id)) items.push(this.item(entry.client_id, null, entry, false));
    this.shown = new Map(items.map((item) => [item.key, item]));
    this.items.value = items;
    this.beginning.value = beginning;
    this.hasOlder.value = !beginning && messages.length > 0;
    this.hasNewer.value = !head && messages.length > 0;
  }

  /** The same object as long as nothing about it changed: then nothing is drawn anew. */
  private item(key: string, message: Message | null, queued: OutboxEntry | undefined, hole: boolean): Item {
    const before = this.shown.get(key);
    if (before && !before.gap === !hole && (message ? before.message === message && !before.queued : sameEntry(before.queued, queued))) return before;
    return { key, message: message ?? waiting(queued!), ...(queued ? { queued } : {}), ...(hole ? { gap: { after: message!.id } } : {}) };
  }
}

const useful = (part: Part | null): part is Part => part !== null && (part.messages.length > 0 || part.beginning || part.head);
const coarse = (ms: number) => Math.floor(ms / LOOKED_MS) * LOOKED_MS;
const sameEntry = (a: OutboxEntry | undefined, b: OutboxEntry | undefined) => a !== undefined && b !== undefined && a.state === b.state && a.text === b.text && a.error === b.error;

/** What waits looks like the message it will be. */
function waiting(entry: OutboxEntry): Message {
  const me = session.me;
  return {
    id: entry.client_id,
    room: entry.room,
    sender: { id: me?.id ?? '', username: me?.username ?? '', display_name: me?.display_name ?? '', kind: 'user' },
    kind: 'text',
    text: entry.text,
    client_id: entry.client_id,
    created_at: entry.created_at,
    mentions: [],
    state: 'complete',
    ...(entry.reply_to ? { reply_to: entry.reply_to } : {}),
  };
}

/** In a browser that has just come the messages may be here before the list that says where their reader stopped. */
function listed(room: string): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(late);
      stop();
      done();
    };
    const late = setTimeout(end, LISTED_MS);
    const stop = watch(() => rooms.has(room), end);
  });
}

const timelines = new Map<string, RoomTimeline>();

export function timelineOf(room: string): Timeline {
  let timeline = timelines.get(room);
  if (!timeline) timelines.set(room, (timeline = new RoomTimeline(room)));
  timeline.use();
  return timeline;
}

onChange((change) => {
  if (change.t !== 'changes') return;
  const taken = new Set<RoomTimeline>();
  for (const changed of change.changes.messages) {
    const timeline = timelines.get(changed.message.room);
    if (timeline?.take(changed)) taken.add(timeline);
  }
  for (const timeline of taken) timeline.render();
  // It stays the room's own: who looks at it still sees what could not be sent, and what comes once they are in again.
  for (const id of change.changes.removed) timelines.get(id)?.clear();
  if (change.changes.resync) for (const timeline of timelines.values()) timeline.refresh(true);
});
// Synchronous: an entry leaves the outbox in the moment its message is in the window.
watch(outbox, () => timelines.forEach((timeline) => timeline.render()), { flush: 'sync' });
watch(
  () => connection.state,
  (state) => state === 'online' && timelines.forEach((timeline) => timeline.refresh(false)),
);
onClose(() => {
  for (const timeline of timelines.values()) timeline.clear();
  timelines.clear();
});

// --- One message

export async function editMessage(id: string, text: string): Promise<void> {
  await engine().archive.keep(await api.patch<Message>(`/api/v1/messages/${id}`, { text }));
}
export async function deleteMessage(id: string): Promise<void> {
  await api.del(`/api/v1/messages/${id}`);
  const kept = await engine().archive.message(id);
  if (kept) await engine().archive.keep({ ...kept, text: '', mentions: [], deleted: true });
}
/** From the cache, else from the node; null: not there, or not to be reached. */
export async function getMessage(id: string): Promise<Message | null> {
  return (await engine().archive.message(id)) ?? api.get<Message>(`/api/v1/messages/${id}`).catch(() => null);
}
export const alternativesOf = (id: string): Promise<{ alternatives: Alternative[]; chosen: number }> => api.get(`/api/v1/messages/${id}/alternatives`);
export async function chooseAlternative(id: string, n: number): Promise<void> {
  await engine().archive.keep(await api.put<Message>(`/api/v1/messages/${id}/chosen`, { n }));
}
export async function regenerate(id: string, options: { model?: string } = {}): Promise<void> {
  await api.post(`/api/v1/messages/${id}/regenerate`, options);
}
export const stop = (id: string): Promise<void> => api.post(`/api/v1/messages/${id}/stop`);
export async function branch(id: string, text: string): Promise<Branch> {
  const made = await api.post<Branch>(`/api/v1/messages/${id}/branch`, { text, client_id: uuidv7() });
  if (!rooms.has(made.room.id)) await engine().listing.ask();
  return made;
}
