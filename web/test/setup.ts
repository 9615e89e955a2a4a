// Tests have no first screen that others would wait for.
import { vi } from 'vitest';

vi.mock('../src/net/spare', () => ({ afterUsable: async (work: () => unknown) => work(), nowUsable: () => {} }));
