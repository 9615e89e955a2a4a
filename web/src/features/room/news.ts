/** room/news: what comes while one looks elsewhere: how much of it, and what a screen reader is told of answers. */
import { type Ref, ref } from 'vue';
import { announce } from '@/app/announce';
import { t } from '@/app/i18n';
import { excerpt } from '@/features/message/excerpt';
import type { Row } from '@/features/message/rows';
import { session } from '@/stores/session';

export interface News {
  /** How many came behind what the reader sees. */
  missed: Ref<number>;
  /** True if the reader has just written one of those that came. */
  hear(next: readonly Row[], before: readonly Row[], hasNewer: boolean): boolean;
}

export function useNews(pinned: Ref<boolean>): News {
  const missed = ref(0);
  const growing = new Set<string>();
  let hadNewer = true; // what comes with a page was there before, and is not news

  function hear(next: readonly Row[], before: readonly Row[], hasNewer: boolean): boolean {
    const last = before.at(-1)?.key;
    const since = last && !hadNewer ? next.findIndex((row) => row.key === last) : -1;
    hadNewer = hasNewer;
    const come = since < 0 ? [] : next.slice(since + 1);
    const mine = come.some(({ item }) => item.queued);
    // One's own, said on another device, need no telling.
    if (!pinned.value) missed.value += come.filter(({ item }) => !item.queued && item.message.sender.id !== session.me?.id).length;
    for (const { item: { message } } of next) {
      if (message.state === 'streaming') growing.add(message.id);
      else if (growing.delete(message.id)) {
        const name = message.sender.display_name;
        announce(message.state === 'failed' ? t('message.answered.failed', { name }) : t('message.answered', { name, text: excerpt(message.text, 240) }));
      }
    }
    return mine;
  }
  return { missed, hear };
}
