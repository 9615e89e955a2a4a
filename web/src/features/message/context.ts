/** message/context: what a message has to know of the room around it, and may ask of it. */
import { type ComputedRef, type InjectionKey, type Ref, inject } from 'vue';
import type { Message, RoomEntry, RoomPersona } from '@/net/types';

export interface RoomContext {
  room: ComputedRef<RoomEntry | undefined>;
  personas: Ref<RoomPersona[]>;
  /** The reader's id and username. */
  me: ComputedRef<{ id: string; username: string }>;
  moderates: ComputedRef<boolean>;
  /** Ids of members whose names look like another's. */
  alike: Readonly<Ref<ReadonlySet<string>>>;
  /** The answer that grows for the reader: the composer has what stops it. */
  growing: ComputedRef<Message | undefined>;
  /** The key of the row that the pointer or the focus is on. */
  active: Ref<string>;
  /** The key of the row that a finger stays on. */
  held: Ref<string>;
  /** The key of the row that is written anew, to go another way from there. */
  branching: Ref<string>;
  /** The message that was jumped to, for a moment. */
  flashed: Ref<string>;
  find(id: string): Promise<Message | null>;
  jump(id: string): void;
  reply(message: Message): void;
  edit(message: Message): void;
}

export const roomContext: InjectionKey<RoomContext> = Symbol('room');
export const useRoom = (): RoomContext => inject(roomContext)!;
