// The lexer, which comes when a text needs it: until then such a text is shown as it was written.
import { shallowRef } from 'vue';

type Lexer = typeof import('./lexer');

/** Who draws a text that it was not there for draws it again. */
export const lexer = shallowRef<Lexer | null>(null);
let coming: Promise<void> | undefined;

/** Resolves also where it does not come: the next who needs it asks again. */
export function withLexer(): Promise<void> {
  return (coming ??= import('./lexer').then(
    (module) => void (lexer.value = module),
    () => void (coming = undefined),
  ));
}
