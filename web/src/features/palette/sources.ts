/** palette/sources: the rooms, people, machines, actions and commands of this moment, as items. */
import { t } from '@/app/i18n';
import { openHelp, openNew } from '@/app/overlays';
import { usePanel } from '@/app/panel';
import { router } from '@/app/router';
import { keysOf, perform, showKeys } from '@/app/shortcuts';
import { commands } from '@/features/composer/commands';
import { focusComposer, insertText } from '@/features/composer/state';
import { toast } from '@/kit/toast';
import type { Persona, User } from '@/net/types';
import { aliasesOf } from '@/stores/ai';
import { createRoom, groups, otherOf, roomTitle } from '@/stores/rooms';
import { has, logout, session } from '@/stores/session';
import { settings } from '@/stores/settings';
import type { Item } from './items';

const go = (path: string) => () => void router.push(path);
const fail = (error: unknown) => void toast((error as { detail?: string }).detail ?? String(error), undefined, { tone: 'danger' });

/** A room with somebody is made when it is first opened. */
const talkTo = (user: Pick<User, 'username'>) => () => void createRoom({ kind: 'direct', members: [user.username] }).then((room) => router.push(`/r/${room.id}`)).catch(fail);
const askPersona = (persona: Persona) => () => void createRoom({ kind: 'dialog', persona: persona.username }).then((room) => router.push(`/r/${room.id}`)).catch(fail);

export function roomItems(): Item[] {
  // where one is already stands last: Enter goes back to where one was
  const here = router.currentRoute.value.params.room, { rooms, people, dialogs } = groups.value;
  const elsewhere = <T extends { id: string }>(all: readonly T[]) => [...all].sort((a, b) => Number(a.id === here) - Number(b.id === here));
  return [
    ...elsewhere(rooms).map((room): Item => ({ id: `room ${room.id}`, group: 'rooms', label: room.name, hint: room.topic, icon: room.visibility === 'private' ? 'lock' : 'hash', unread: room.unread, run: go(`/r/${room.id}`) })),
    ...elsewhere(people).map((room): Item => {
      const other = otherOf(room) ?? room.members?.[0];
      return { id: `room ${room.id}`, group: 'people', label: roomTitle(room), hint: other && `@${other.username}`, also: other && [other.username], face: other, unread: room.unread, run: go(`/r/${room.id}`) };
    }),
    ...elsewhere(dialogs).map((room): Item => {
      const persona = room.members?.find((one) => one.kind === 'persona');
      return { id: `room ${room.id}`, group: 'dialogs', label: room.name, hint: persona?.display_name, also: persona && [persona.display_name, persona.username], face: persona, icon: 'sparkles', unread: room.unread, run: go(`/r/${room.id}`) };
    }),
  ];
}

/** People whom one has no room with yet. */
export function peopleItems(found: readonly User[]): Item[] {
  const known = new Set(groups.value.people.map((room) => otherOf(room)?.id));
  return found.filter((one) => one.kind === 'user' && one.username && one.id !== session.me?.id && !known.has(one.id))
    .map((one) => ({ id: `user ${one.id}`, group: 'people', label: one.display_name || one.username, hint: `@${one.username}`, also: [one.username], face: one, run: talkTo(one) }));
}

export const personaItems = (all: readonly Persona[]): Item[] => (!has('dialogs') ? [] : all.map((one) => ({
  id: `persona ${one.id}`, group: 'personas', label: t('palette.ask', { name: one.display_name }), also: [one.display_name, one.username, ...aliasesOf(one)],
  hint: one.model, face: { ...one, kind: 'persona' }, run: askPersona(one),
})));

export function actionItems(): Item[] {
  const action = (id: string, label: string, icon: Item['icon'], run: () => void, keys = ''): Item => ({ id: `action ${id}`, group: 'actions', label, icon, run, keys: keys && showKeys(keysOf(keys)) });
  const dark = document.documentElement.dataset.theme === 'dark' || (settings.theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const { show } = usePanel(), inRoom = !!router.currentRoute.value.params.room;
  const staff = session.me?.role === 'owner' || session.me?.role === 'admin';
  return ([
    action('room', t('palette.new_room'), 'plus', () => openNew('room')),
    has('direct') && action('direct', t('palette.new_direct'), 'message-square-plus', () => openNew('direct')),
    has('dialogs') && action('dialog', t('palette.new_dialog'), 'sparkles', () => openNew('dialog')),
    action('browse', t('palette.browse'), 'compass', go('/browse')),
    action('search', t('palette.search'), 'search', go('/search'), 'search'),
    inRoom && action('details', t('palette.details'), 'panel-right', () => show('details'), 'details'),
    inRoom && action('members', t('palette.members'), 'users', () => show('members')),
    action('unread', t('palette.unread'), 'inbox', () => void perform('unread.down'), 'unread.down'),
    action('theme', t(dark ? 'palette.light' : 'palette.dark'), dark ? 'sun' : 'moon', () => (settings.theme = dark ? 'light' : 'dark')),
    action('language', t('palette.language'), 'languages', () => (settings.language = document.documentElement.lang === 'ru' ? 'en' : 'ru')),
    action('shortcuts', t('palette.shortcuts'), 'keyboard', openHelp, 'shortcuts'),
    action('settings', t('palette.settings'), 'settings', go('/settings'), 'settings'),
    staff && action('admin', t('palette.admin'), 'server', go('/admin')),
    action('logout', t('palette.logout'), 'log-out', () => void logout()),
  ] satisfies (Item | false)[]).filter((one) => one !== false);
}

/** Those of the open room; what is chosen stands in the composer, to be filled in and sent. */
export function commandItems(): Item[] {
  if (!router.currentRoute.value.params.room) return [];
  return commands.value.map((one) => ({
    id: `command ${one.name}`, group: 'commands', label: `/${one.name}`, hint: one.help, also: [one.help], icon: 'terminal',
    run: () => void focusComposer().then(() => insertText(`/${one.name} `)),
  }));
}

export const searchItem = (query: string): Item[] =>
  !query ? [] : [{ id: 'search', group: 'search', label: t('palette.search_for', { query }), icon: 'search', run: go(`/search?q=${encodeURIComponent(query)}`) }];
