/** shell/row-menu: what can be done with a room from the list. */
import { t } from '@/app/i18n';
import { router } from '@/app/router';
import { confirm } from '@/kit/confirm';
import type { MenuItem } from '@/kit/menu';
import { toast } from '@/kit/toast';
import type { RoomEntry } from '@/net/types';
import { deleteRoom, leaveRoom, markRead, roomTitle } from '@/stores/rooms';
import { type Level, settings } from '@/stores/settings';

/** What goes wrong is said where the reader looks: the row that it is about may be gone. */
const tell = (error: unknown) => void toast((error as { detail?: string }).detail ?? String(error), undefined, { tone: 'danger' });

export async function copyLink(path: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(new URL(path, location.origin).href);
    toast(t('shell.copied'), undefined, { tone: 'ok' });
  } catch {
    toast(new URL(path, location.origin).href, undefined, { stays: true }); // no clipboard without HTTPS: there to be copied by hand
  }
}

async function goAway(room: RoomEntry, ask: { title: string; text: string; action: string }, go: (id: string) => Promise<void>): Promise<void> {
  if (!await confirm({ ...ask, danger: true })) return;
  try {
    await go(room.id);
    if (router.currentRoute.value.params.room === room.id) await router.replace('/');
  } catch (error) {
    tell(error);
  }
}

export function rowMenu(room: RoomEntry): MenuItem[] {
  const title = roomTitle(room), level = settings.notifications.rooms[room.id] ?? settings.notifications.level;
  const choice = (to: Level, label: string): MenuItem => ({ label, checked: level === to, run: () => void (settings.notifications.rooms[room.id] = to) });
  const leave = { title: t('shell.leave_title', { room: title }), text: t(room.visibility === 'private' ? 'shell.leave_private' : 'shell.leave_public'), action: t('shell.leave') };
  const remove = { title: t('shell.delete_title', { room: title }), text: t('shell.delete_text'), action: t('shell.delete') };
  const newest = room.last_message;
  return [
    room.unread > 0 && !!newest && { label: t('shell.mark_read'), icon: 'check-check', run: () => void markRead(room.id, newest.id).catch(tell) },
    { label: t('shell.details'), icon: 'panel-right', run: () => void router.push(`/r/${room.id}?p=details`) },
    { label: t('shell.copy_link'), icon: 'link', run: () => void copyLink(`/r/${room.id}`) },
    { separator: true },
    { heading: t('shell.notify') },
    choice('all', t('shell.notify_all')),
    choice('mentions', t('shell.notify_mentions')),
    choice('nothing', t('shell.notify_nothing')),
    room.kind === 'room' && { separator: true },
    room.kind === 'room' && { label: t('shell.leave'), icon: 'door-open', danger: true, run: () => void goAway(room, leave, leaveRoom) },
    room.kind !== 'direct' && room.role === 'owner' && { label: t('shell.delete'), icon: 'trash-2', danger: true, run: () => void goAway(room, remove, deleteRoom) },
  ];
}
