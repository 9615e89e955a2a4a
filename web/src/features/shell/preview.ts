/** shell/preview: the last message of a room in one line, and who said it. */
import { t } from '@/app/i18n';
import { excerpt } from '@/features/message/excerpt';
import { noticeOf } from '@/features/message/why';
import type { Message, RoomEntry } from '@/net/types';
import { session } from '@/stores/session';

/** `who`: with the sign that belongs between them and what they said. */
export function preview(room: RoomEntry): { who: string; text: string; dim: boolean } | null {
  const m: Message | null = room.last_message;
  if (!m) return null;
  const mine = m.sender.id === session.me?.id, name = m.sender.display_name || t('shell.somebody');
  const alone = m.kind === 'notice' || room.kind !== 'room' && !mine; // then it is clear who says it
  const who = alone ? '' : mine ? `${t('shell.you')}: ` : `${name}: `;
  if (m.deleted) return { who, text: t('shell.deleted'), dim: true };
  if (m.kind === 'action') return { who: `${name} `, text: excerpt(m.text), dim: false };
  if (m.kind === 'notice') return { who, text: excerpt(noticeOf(m, m.text)), dim: true };
  if (m.text) return { who, text: excerpt(m.text), dim: false };
  if (m.state === 'streaming') return { who: alone ? '' : `${name} `, text: t('shell.answering'), dim: true };
  return { who, text: t(m.state === 'failed' ? 'message.answer.failed' : 'message.answer.stopped'), dim: true };
}

/** Whom a direct room is with; oneself for notes. */
export function other(room: RoomEntry) {
  return room.members?.find((m) => m.id !== session.me?.id) ?? room.members?.[0];
}
