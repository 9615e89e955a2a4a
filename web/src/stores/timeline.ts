import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import type { Branch, Message } from '../net/types';
import type { OutboxEntry } from './outbox';

export interface Item {
  /** Never changes, also not when a queued message is acknowledged: its client_id. */
  key: string;
  message: Message;
  queued?: OutboxEntry;
  gap?: { after: string; count?: number };
}
export interface Timeline {
  items: ShallowRef<Item[]>;
  hasOlder: Ref<boolean>;
  hasNewer: Ref<boolean>;
  loading: Ref<'' | 'older' | 'newer' | 'jump'>;
  unreadAfter: Ref<string | null>;
  late: Ref<number>;
  older(): Promise<void>;
  newer(): Promise<void>;
  jumpTo(id: string): Promise<boolean>;
  toEnd(): Promise<void>;
}
export interface Alternative {
  n: number;
  text: string;
  state: Message['state'];
  ai?: Message['ai'];
  created_at: string;
}

export function timelineOf(_room: string): Timeline {
  const nothing = async () => {};
  return {
    items: shallowRef([]),
    hasOlder: ref(false),
    hasNewer: ref(false),
    loading: ref(''),
    unreadAfter: ref(null),
    late: ref(0),
    older: nothing,
    newer: nothing,
    jumpTo: async () => false,
    toEnd: nothing,
  };
}
export async function editMessage(_id: string, _text: string): Promise<void> {}
export async function deleteMessage(_id: string): Promise<void> {}
export async function getMessage(_id: string): Promise<Message | null> {
  return null;
}
export async function alternativesOf(_id: string): Promise<{ alternatives: Alternative[]; chosen: number }> {
  return { alternatives: [], chosen: 0 };
}
export async function chooseAlternative(_id: string, _n: number): Promise<void> {}
export async function regenerate(_id: string, _options: { model?: string } = {}): Promise<void> {}
export async function stop(_id: string): Promise<void> {}
export async function branch(_id: string, _text: string): Promise<Branch> {
  throw new Error(_id);
}
