/** app/told: what the node itself has to say, in no room: a disk that fills up. It stays in sight until it is put away. */
import { watch } from 'vue';
import { toast } from '@/kit/toast';
import { dismissNotice, nodeNotices } from '@/stores/notices';

export function showTold(): void {
  // At once: the last word may be why the session ends, and goes with it.
  watch(nodeNotices, (told) => {
    for (const { id, text } of told) {
      toast(text, undefined, { stays: true, icon: 'server' });
      dismissNotice(id);
    }
  }, { immediate: true, flush: 'sync' });
}
