/** app/overlays: what opens over everything, from anywhere; the shell shows it. */
import { shallowRef } from 'vue';

export type NewKind = 'room' | 'direct' | 'dialog';

export const palette = shallowRef(false);
export const help = shallowRef(false);
export const making = shallowRef<NewKind | null>(null);

export const openPalette = (): void => void (palette.value = true);
export const openHelp = (): void => void (help.value = true);
export const openNew = (kind: NewKind = 'room'): void => void (making.value = kind);
