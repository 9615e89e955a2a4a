import { ref, type Ref } from 'vue';

export interface Draft {
  text: string;
  reply_to?: string;
  editing?: string;
}
export const draftOf = (_room: string): Ref<Draft> => ref({ text: '' });
