/** message/actions: what a reader may do with a message: for the bar beside it and for the menu. */
import { t } from '@/app/i18n';
import { confirm } from '@/kit/confirm';
import { type MenuItem, showMenu } from '@/kit/menu';
import { toast } from '@/kit/toast';
import { copyText } from '@/md/copy';
import type { Message } from '@/net/types';
import { models } from '@/stores/ai';
import { has } from '@/stores/session';
import { deleteMessage, regenerate, stop } from '@/stores/timeline';
import type { IconName } from '@/kit/icons';
import type { RoomContext } from './context';
import { type Row, isAnswer } from './rows';

export interface Action {
  id: 'reply' | 'copy' | 'link' | 'edit' | 'branch' | 'regenerate' | 'stop' | 'delete';
  icon: IconName;
  label: string;
  danger?: boolean;
  /** `at`: what was pressed, for what opens beside it. */
  run(at?: HTMLElement): void;
}

/** Says in words what went wrong, where nothing on the screen does. */
export async function attempt(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    toast(error instanceof Error && 'detail' in error ? String(error.detail) : t('message.failed'), undefined, { tone: 'danger' });
  }
}

async function copy(text: string, said: string): Promise<void> {
  if (await copyText(text)) toast(t(said), undefined, { icon: 'check' });
}

async function remove(message: Message): Promise<void> {
  const yes = await confirm({ title: t('message.delete.title'), text: t('message.delete.text'), action: t('message.delete'), danger: true });
  if (yes) await attempt(deleteMessage(message.id));
}

/** Whoever asked, and who keeps order, may stop an answer or have another. */
export function steers(message: Message, room: RoomContext): boolean {
  return room.moderates.value || (!!message.ai?.asked_by && message.ai.asked_by === room.me.value.username);
}

/** Another answer: by the same model or, where there are others, by one that is chosen in a menu. */
export function askAgain(message: Message, at?: HTMLElement): void {
  const others = models().value.filter((one) => one.state !== 'down' && !(one.model === message.ai?.model && one.provider === message.ai.provider));
  if (!at || !others.length) return void attempt(regenerate(message.id));
  const items: MenuItem[] = [
    { label: t('message.again.same'), icon: 'rotate-cw', run: () => void attempt(regenerate(message.id)) },
    { heading: t('message.again.by') },
    ...others.slice(0, 30).map((model) => ({
      label: model.model, hint: model.provider, icon: 'cpu' as const, run: () => void attempt(regenerate(message.id, { model: model.id })),
    })),
  ];
  showMenu(items, at, t('message.regenerate'), 'end');
}

function actionsOf(message: Message, room: RoomContext, branch: () => void): Action[] {
  if (message.deleted) return [];
  const mine = message.sender.id === room.me.value.id;
  const answer = isAnswer(message);
  const grows = message.state === 'streaming';
  const member = !!room.room.value?.role;
  const all: (Action | false)[] = [
    member && message.kind !== 'notice' && { id: 'reply', icon: 'reply', label: t('message.reply'), run: () => room.reply(message) },
    !!message.text && { id: 'copy', icon: 'copy', label: t('message.copy'), run: () => void copy(message.text, 'message.copied') },
    answer && grows && steers(message, room) && room.growing.value?.id !== message.id && { id: 'stop', icon: 'circle-stop', label: t('message.stop'), run: () => void attempt(stop(message.id)) },
    answer && !grows && steers(message, room) && has('regenerate') && { id: 'regenerate', icon: 'rotate-cw', label: t('message.regenerate'), run: (at) => askAgain(message, at) },
    mine && !answer && message.kind !== 'notice' && { id: 'edit', icon: 'pencil', label: t('message.edit'), run: () => room.edit(message) },
    mine && !answer && room.room.value?.kind === 'dialog' && { id: 'branch', icon: 'git-branch', label: t('message.branch'), run: branch },
    { id: 'link', icon: 'link', label: t('message.link'), run: () => void copy(`${location.origin}/r/${message.room}/m/${message.id}`, 'message.linked') },
    (mine || room.moderates.value) && { id: 'delete', icon: 'trash-2', label: t('message.delete'), danger: true, run: () => void remove(message) },
  ];
  return all.filter((action) => !!action);
}

/** Of a row: none while its message waits to be sent. */
export function actionsFor(row: Row, room: RoomContext): Action[] {
  return row.item.queued ? [] : actionsOf(row.item.message, room, () => (room.branching.value = row.key));
}

export function menuOf(actions: readonly Action[], at?: HTMLElement): MenuItem[] {
  return actions.flatMap((action): MenuItem[] => [
    action.danger && actions.length > 1 && { separator: true },
    { label: action.label, icon: action.icon, danger: action.danger, run: () => action.run(at) },
  ]);
}
