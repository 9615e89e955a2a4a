// A node in miniature: a log, and what is true at each moment. Events tell the present, as the real one's replay does.
import type { Message, RoomEntry, ServerEvent, User } from '../../../src/net/types';

export const me: User = { id: 'u-me', username: 'me', display_name: 'Me', kind: 'user' };
export const other: User = { id: 'u-other', username: 'other', display_name: 'Other', kind: 'user' };
export const persona: User = { id: 'u-olga', username: 'olga', display_name: 'Ольга', kind: 'persona' };
export const third: User = { id: 'u-third', username: 'third', display_name: 'Third', kind: 'user' };

const time = '2026-11-21T08:00:00.000Z';
type Logged = { n: number; type: string; id: string; extra?: string };

export class Truth {
  log: Logged[] = [];
  incarnation = 1;
  private next = 1;
  private clock = 1;
  messages = new Map<string, Message>();
  rooms = new Map<string, { topic: string; read: string | null; readAt: number; members: Set<string> }>();
  /** When a message came late, or an answer first ended. */
  private again = new Map<string, number>();
  private ended = new Set<string>();
  /** Said twice: what stays of each. */
  private stays = new Map<string, string>();

  constructor(names: string[]) {
    for (const name of names) this.rooms.set(name, { topic: '', read: null, readAt: 0, members: new Set([me.id, other.id, persona.id]) });
  }

  private write(type: string, id: string, extra?: string): void {
    this.next += 1 + (this.next % 3 === 0 ? 2 : 0); // numbers have gaps
    this.log.push({ n: this.next, type, id, ...(extra ? { extra } : {}) });
  }
  head(): string {
    return `${this.incarnation}.${this.log.at(-1)?.n ?? 0}`;
  }
  history(room: string): Message[] {
    return [...this.messages.values()].filter((message) => message.room === room).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  say(room: string, sender: User, options: { streaming?: boolean; mention?: boolean; late?: boolean; client_id?: string } = {}): string {
    this.clock += 10;
    const id = `m-${String(options.late ? this.clock - 25 : this.clock).padStart(6, '0')}`;
    if (this.messages.has(id)) return this.say(room, sender, { ...options, late: false });
    const newest = this.history(room).at(-1)?.id ?? '';
    this.messages.set(id, {
      id,
      room,
      sender,
      kind: 'text',
      text: options.streaming ? '' : `text ${id}`,
      created_at: time,
      mentions: options.mention ? [me.username] : [],
      state: options.streaming ? 'streaming' : 'complete',
      ...(id < newest ? { late: true as const } : {}),
      ...(options.client_id && sender.id === me.id ? { client_id: options.client_id } : {}),
    });
    this.write('message.created', id);
    if (id < newest) this.again.set(id, this.next);
    return id;
  }
  change(id: string, how: 'edit' | 'delete' | 'complete' | 'fall' | 'regenerate'): void {
    const kept = this.messages.get(id)!;
    if (kept.deleted) return;
    if (how === 'edit' && kept.state === 'complete') {
      this.clock += 1;
      this.messages.set(id, { ...kept, text: `${kept.text}!`, edited_at: `2026-11-21T08:00:00.${String(this.clock).padStart(9, '0')}Z` });
      this.write('message.updated', id);
    } else if (how === 'delete') {
      this.messages.set(id, { ...kept, text: '', mentions: [], deleted: true, state: 'complete' });
      this.write('message.deleted', id);
    } else if (how === 'complete' && kept.state === 'streaming') {
      this.messages.set(id, { ...kept, text: `answer ${id}`, state: 'complete' });
      this.write('message.completed', id);
      if (!this.ended.has(id)) this.again.set(id, this.next);
      this.ended.add(id);
    } else if ((how === 'fall' && kept.state === 'streaming') || (how === 'regenerate' && kept.sender === persona && kept.state === 'complete')) {
      // A model gave up in the middle and another begins anew; or somebody wants another answer.
      const count = (kept.alternatives?.count ?? 1) + 1;
      this.messages.set(id, { ...kept, text: '', state: 'streaming', alternatives: { count, chosen: count - 1 } });
      this.write('message.updated', id);
    }
  }
  /** Another node had taken the same: the one with the lower id stays. */
  twin(id: string): string | null {
    const { room, sender, deleted, state } = this.messages.get(id)!;
    const kept = this.history(room).filter((message) => message.sender === sender && !message.deleted && message.state === 'complete' && message.id < id).at(-1);
    if (deleted || state !== 'complete' || !kept) return null;
    this.messages.delete(id);
    this.stays.set(id, kept.id);
    this.write('message.deleted', id, kept.id);
    return kept.id;
  }
  private shown(id: string): Message {
    const stays = this.stays.get(id);
    return stays ? this.shown(stays) : this.messages.get(id)!;
  }
  topic(room: string): void {
    this.rooms.get(room)!.topic += 't';
    this.write('room.updated', room);
  }
  third(room: string, joins: boolean): void {
    const { members } = this.rooms.get(room)!;
    if (members.has(third.id) === joins) return;
    if (joins) members.add(third.id);
    else members.delete(third.id);
    this.write(joins ? 'member.joined' : 'member.left', room);
  }
  read(room: string, id: string): void {
    const kept = this.rooms.get(room)!;
    if (kept.read !== null && kept.read > id) return;
    kept.read = id;
    this.write('read', room, id);
    kept.readAt = this.next;
  }

  entry(room: string): RoomEntry {
    const { topic, members, read } = this.rooms.get(room)!;
    const unread = this.unread(room);
    return {
      ...this.core(room, topic),
      members_count: members.size,
      role: 'member',
      last_message: this.last(room),
      read,
      unread: unread.length,
      mentions: unread.filter((message) => message.mentions.includes(me.username)).length,
    };
  }
  last(room: string): Message | null {
    return this.history(room).filter(({ deleted }) => !deleted).at(-1) ?? null;
  }
  unread(room: string): Message[] {
    const { read, readAt } = this.rooms.get(room)!;
    return this.history(room).filter((message) => message.sender.id !== me.id && !message.deleted && message.state !== 'streaming' && (read === null || message.id > read || (this.again.get(message.id) ?? 0) > readAt));
  }
  private core(room: string, topic: string) {
    return { id: room, name: room, kind: 'room' as const, visibility: 'public' as const, topic, retention_days: 0, created_at: time, ai: { allowed: true, destination: 'cloud' as const, call: 'name' as const, persona_turns: 0 } };
  }

  /** What comes to who has that cursor: all of it, in order, with today's content. */
  since(cursor: string | null): ServerEvent[] {
    const [incarnation, position] = (cursor ?? '0.0').split('.').map(Number);
    if (incarnation !== this.incarnation) return [{ type: 'resync', cursor: this.head() }];
    return this.log.filter(({ n }) => n > position!).map((logged) => this.event(logged));
  }
  private event({ n, type, id, extra }: Logged): ServerEvent {
    const base = { type, event_id: `o:${n}`, cursor: `${this.incarnation}.${n}` };
    if (type.startsWith('message.')) {
      const message = this.shown(id);
      if (extra) return { ...base, reason: 'duplicate', replaced_by: extra, message: { ...message, id, text: '', mentions: [], deleted: true } } as ServerEvent;
      // What was deleted since comes as what it is now.
      return { ...base, message } as ServerEvent;
    }
    if (type.startsWith('room.')) return { ...base, room: this.core(id, this.rooms.get(id)!.topic) } as ServerEvent;
    if (type === 'read') return { ...base, room: id, message_id: extra! } as ServerEvent;
    return { ...base, room: id, user: third, role: 'member', ...(type === 'member.left' ? { reason: 'left' } : {}) } as ServerEvent;
  }
  page(room: string, asked: { before?: string; after?: string; around?: string }, limit: number): { messages: Message[]; has_more: boolean } {
    const all = this.history(room);
    if (asked.before !== undefined) {
      const found = all.filter(({ id }) => id < asked.before!);
      return { messages: found.slice(-limit), has_more: found.length > limit };
    }
    if (asked.after !== undefined) {
      const found = all.filter(({ id }) => id > asked.after!);
      return { messages: found.slice(0, limit), has_more: found.length > limit };
    }
    if (asked.around !== undefined) {
      const at = all.findIndex(({ id }) => id >= asked.around!);
      const from = Math.max(0, (at < 0 ? all.length : at) - (limit >> 1));
      const found = all.slice(from, from + limit);
      return { messages: found, has_more: found.length < all.length };
    }
    return { messages: all.slice(-limit), has_more: all.length > limit };
  }
}
