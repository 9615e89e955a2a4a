// Tests have no first screen that others would wait for, and the lexer is there.
import { vi } from 'vitest';
import { withLexer } from '../src/md/lexing';

vi.mock('../src/net/spare', () => ({ afterUsable: async (work: () => unknown) => work(), nowUsable: () => {} }));
await withLexer();
