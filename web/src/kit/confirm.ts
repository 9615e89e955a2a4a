/** kit/confirm: asks before what cannot be undone. App.vue has the only such question. */
import { shallowRef } from 'vue';

export interface Question { title: string; text?: string; action: string; danger?: boolean; answer: (yes: boolean) => void }

export const question = shallowRef<Question | null>(null);

export function confirm(about: Omit<Question, 'answer'>): Promise<boolean> {
  question.value?.answer(false);
  return new Promise((resolve) => {
    question.value = { ...about, answer: (yes) => { question.value = null; resolve(yes); } };
  });
}
