import { computed, shallowReactive, type ComputedRef } from 'vue';
import type { User } from '../net/types';

/** Ids of those who are here now, as far as one shares a room with them. */
export const online = shallowReactive(new Set<string>());
export const typingIn = (_room: string): ComputedRef<User[]> => computed(() => []);
export function sendTyping(_room: string): void {}
