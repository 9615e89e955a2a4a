import { shallowRef, type ShallowRef } from 'vue';
import type { Model, Persona, Provider } from '../net/types';

export const personas = (_again = false): ShallowRef<Persona[]> => shallowRef([]);
export const models = (_again = false): ShallowRef<Model[]> => shallowRef([]);
export const providers = (_again = false): ShallowRef<Provider[]> => shallowRef([]);
