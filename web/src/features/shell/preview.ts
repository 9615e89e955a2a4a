/** shell/preview: the last message of a room in one line, and who said it. */
import { t } from '@/app/i18n';
import type { Message, RoomEntry } from '@/net/types';
import { session } from '@/stores/session';

/** Without the marks of markdown, which a line has no room for. */
export const plain = (text: string): string =>
  text.slice(0, 400)
    .replace(/```[^\n]*\n?|~~~[^\n]*\n?/g, ' ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[#>\s]*[-*+]?\s+|[*_`|~]{1,3}(?=\S)|(?<=\S)[*_`|~]{1,3}/gm, (mark) => (/^\s+$/.test(mark) ? ' ' : ''))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 160);

export function preview(room: RoomEntry): { who: string; text: string; dim: boolean } | null {
  const m: Message | null = room.last_message;
  if (!m) return null;
  const mine = m.sender.id === session.me?.id;
  const who = m.kind === 'notice' || room.kind === 'direct' && !mine || room.kind === 'dialog' && !mine ? '' : mine ? t('shell.you') : m.sender.display_name || t('shell.somebody');
  if (m.deleted) return { who, text: t('shell.deleted'), dim: true };
  if (m.state === 'streaming' && !m.text) return { who, text: t('shell.answering'), dim: true };
  if (m.kind === 'action') return { who: '', text: `${m.sender.display_name || t('shell.somebody')} ${plain(m.text)}`, dim: false };
  return { who, text: plain(m.text), dim: m.kind === 'notice' };
}

/** Whom a direct room is with; oneself for notes. */
export function other(room: RoomEntry) {
  return room.members?.find((m) => m.id !== session.me?.id) ?? room.members?.[0];
}
