// @vitest-environment node
import 'fake-indexeddb/auto';
import { expect, it } from 'vitest';
import { closeEngine, engine, forWhoAsked, isOpen, onOpen, openEngine } from '../../../src/stores/core';

const account = (id: string) => ({ id, username: id, display_name: id, role: 'member' as const, created_at: '' });
const opened: string[] = [];
onOpen(({ me }) => opened.push(me.id));

it('who leaves before their data is open is not in', async () => {
  const coming = openEngine(account('anna'));
  await closeEngine(true);
  expect(await coming).toBe(false);
  expect([isOpen(), opened]).toEqual([false, []]);
});

it('of two who come at once the later one is in', async () => {
  const [first, second] = await Promise.all([openEngine(account('anna')), openEngine(account('boris'))]);
  expect([first, second, engine().me.id, opened]).toEqual([false, true, 'boris', ['boris']]);
  await closeEngine(true);
});

it('what was asked for one is not given to the next', async () => {
  await openEngine(account('anna'));
  let answer: (what: string) => void = () => {};
  const asked = forWhoAsked(new Promise<string>((resolve) => (answer = resolve)));
  await openEngine(account('boris'));
  answer('of anna');
  await expect(asked).rejects.toThrow();
  await closeEngine(true);
});
