/**
 * app/notify: what came while nobody looked: notifications, and the number on the app's icon.
 *
 * One tab of a browser speaks, the leading one, and only while no tab of ours has the person's eyes. A room has one
 * notification at a time; it goes when the room is read.
 */
import { computed, watch } from 'vue';
import { excerpt } from '@/features/message/excerpt';
import type { Message } from '@/net/types';
import { connection } from '@/stores/connection';
import { onChange, onClose } from '@/stores/core';
import { rooms, roomTitle } from '@/stores/rooms';
import { session } from '@/stores/session';
import { settings } from '@/stores/settings';
import { locale, n, t } from './i18n';
import { isWorthTelling } from './worth';

const allowed = () => typeof Notification === 'function' && Notification.permission === 'granted';
const looking = () => document.visibilityState === 'visible' && document.hasFocus();
const registered = async () => navigator.serviceWorker?.getRegistration();

/** Answers that began: they are told when they have ended. */
const growing = new Set<string>();
let open: (path: string) => void = () => {};

async function tell(message: Message): Promise<void> {
  const room = rooms.get(message.room);
  if (!room) return;
  const who = message.sender.display_name || message.sender.username;
  const path = `/r/${message.room}/m/${message.id}`;
  const title = room.kind === 'room' ? t('notify.in', { who, room: roomTitle(room) }) : who;
  const options: NotificationOptions = { body: settings.notifications.text ? excerpt(message.text) : n('shell.unread', Math.max(1, room.unread)), tag: message.room, icon: '/icon-192.png', lang: locale.value, data: { url: path } };
  const registration = await registered();
  if (registration?.active) return registration.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    open(path);
    shown.close();
  };
}

function hear(message: Message, created: boolean): void {
  if (message.state === 'streaming') {
    if (created) growing.add(message.id);
    return;
  }
  const ended = growing.delete(message.id);
  const room = rooms.get(message.room);
  if (!(created || ended) || !connection.leader || !session.me || !room || looking() || !allowed()) return;
  if (isWorthTelling(message, room, session.me, settings.notifications, new Date())) void tell(message).catch(() => {});
}

/** What is read needs no notification any more. */
async function hush(room?: string): Promise<void> {
  for (const shown of (await (await registered())?.getNotifications(room ? { tag: room } : {})) ?? []) shown.close();
}

const waiting = computed(() => [...rooms.values()].reduce((sum, one) => sum + (one.kind === 'room' ? one.mentions : one.unread), 0));

function badge(count: number): void {
  const set = count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  set?.catch(() => {}); // not installed, or not wanted
}

export function startNotify(show: (path: string) => void): void {
  open = show;
  onChange((change) => {
    if (change.t === 'changes') for (const { message, created } of change.changes.messages) hear(message, created);
  });
  onClose(() => {
    growing.clear();
    badge(0);
    void hush();
  });
  watch(waiting, badge, { immediate: true });
  watch(() => [...rooms.values()].filter(({ unread }) => !unread).map(({ id }) => id), (read, before) => {
    const was = new Set(before);
    for (const id of read) if (!was.has(id)) void hush(id);
  });
}
