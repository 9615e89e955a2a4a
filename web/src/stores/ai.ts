// Personas, models, providers: asked for when somebody looks, and again after a while.
import { shallowRef, type ShallowRef } from 'vue';
import { api } from '../net/api';
import type { Model, Persona, Provider } from '../net/types';
import { onClose } from './core';

const STALE_MS = 60_000;

function list<T>(path: string, member: string): (again?: boolean) => ShallowRef<T[]> {
  const items: ShallowRef<T[]> = shallowRef([]);
  let asked = 0;
  onClose(() => {
    items.value = [];
    asked = 0;
  });
  return (again = false) => {
    if (again || Date.now() - asked > STALE_MS) {
      asked = Date.now();
      api.get<Record<string, T[]>>(path).then(
        (answer) => (items.value = answer[member] ?? []),
        () => (asked = 0),
      );
    }
    return items;
  };
}

export const personas = list<Persona>('/api/v1/personas', 'personas');
/** Its other names, without those by which somebody else is called. */
export const aliasesOf = (one: Persona) => one.aliases.filter((name) => !one.taken?.some((it) => it.name === name));
export const models = list<Model>('/api/v1/models', 'models');
export const providers = list<Provider>('/api/v1/providers', 'providers');
