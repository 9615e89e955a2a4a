import { expect, test, vi } from 'vitest';

let kept: () => void = () => {};
const flushDrafts = vi.fn(() => new Promise<void>((resolve) => (kept = resolve)));
vi.mock('@/stores/drafts', () => ({ flushDrafts }));
vi.mock('@/stores/connection', () => ({ connection: { state: 'online' } }));

const { applyUpdate } = await import('@/app/pwa');

test('the page goes for a new release when what was typed is kept, not before', async () => {
  const reload = vi.fn();
  vi.stubGlobal('location', { reload });
  void applyUpdate();
  await new Promise((resolve) => setTimeout(resolve));
  expect(flushDrafts).toHaveBeenCalledOnce();
  expect(reload).not.toHaveBeenCalled();
  kept();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
});
