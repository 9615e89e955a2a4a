/** app/worth: whether a message is worth a notification, by what its reader has set. Knows no browser. */
import type { Message, RoomEntry } from '@/net/types';
import type { Level, Settings } from '@/stores/settings';

type Notifications = Settings['notifications'];

const FRESH_MS = 5 * 60_000; // what came while nobody was connected is counted, not told one by one

const minutes = (time: string): number => (/^\d\d:\d\d$/.test(time) ? Number(time.slice(0, 2)) * 60 + Number(time.slice(3)) : NaN);

/** From 22:00 to 08:00 is over midnight; from a time to the same time is never. */
export function isQuiet({ on, from, to }: Notifications['quiet'], now: Date): boolean {
  const [begin, end, at] = [minutes(from), minutes(to), now.getHours() * 60 + now.getMinutes()];
  if (!on || Number.isNaN(begin + end)) return false;
  return begin <= end ? at >= begin && at < end : at >= begin || at < end;
}

/** The usual level is for rooms; who writes to one person alone is heard, unless that very room is muted. */
const levelOf = (room: Pick<RoomEntry, 'id' | 'kind'>, set: Notifications): Level => set.rooms[room.id] ?? (room.kind === 'room' ? set.level : 'all');

export function isWorthTelling(message: Message, room: Pick<RoomEntry, 'id' | 'kind'>, me: { id: string; username: string }, set: Notifications, now: Date): boolean {
  if (!set.on || message.sender.id === me.id || message.deleted || message.kind === 'notice' || message.state === 'streaming') return false;
  if (now.getTime() - Date.parse(message.created_at) > FRESH_MS && !message.ai) return false;
  if (isQuiet(set.quiet, now)) return false;
  const level = levelOf(room, set);
  return level === 'all' || (level === 'mentions' && message.mentions.includes(me.username));
}
