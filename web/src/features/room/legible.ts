// A room is drawn once its texts can be read as they are meant: read as mere words first, they would move when the lexer comes.
import { ref, watch, type Ref } from 'vue';
import { isRead } from '@/md/memory';
import { withLexer } from '@/md/lexing';
import { afterUsable } from '@/net/spare';
import type { Row } from '@/features/message/rows';

const LATE_MS = 3_000; // words with signs among them are better than none

/** Once it is true it stays so: a text that comes later waits for nobody. */
export function useLegible(rows: Readonly<Ref<readonly Row[]>>): Ref<boolean> {
  const legible = ref(false);
  watch(rows, (now) => {
    if (legible.value || !now.length) return;
    if (now.every(({ item }) => isRead(item.message.text))) legible.value = true;
    else void Promise.race([withLexer(), new Promise((done) => setTimeout(done, LATE_MS))]).then(() => (legible.value = true));
  }, { immediate: true });
  void afterUsable(withLexer);
  return legible;
}
