/** details/doing: one thing at a time, and words for what went wrong, to be shown where it did. */
import { ref, type Ref } from 'vue';
import { t } from '@/app/i18n';
import { ApiError } from '@/net/api';

export const wordsOf = (error: unknown): string => (error instanceof ApiError && error.status && error.detail ? error.detail : t('details.failed'));

export function useDoing(): { busy: Ref<string>; fault: Ref<string>; act(what: string, work: () => Promise<unknown>): Promise<boolean> } {
  const busy = ref(''), fault = ref('');
  return {
    busy, fault,
    async act(what, work) {
      if (busy.value) return false;
      busy.value = what;
      fault.value = '';
      try {
        await work();
        return true;
      } catch (error) {
        fault.value = wordsOf(error);
        return false;
      } finally {
        busy.value = '';
      }
    },
  };
}
