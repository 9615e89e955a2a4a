import { expect, test } from 'vitest';
import { recentOf, remember } from '../../../src/features/palette/recent';
import { forgetKeptOf, settings, useSettingsOf } from '../../../src/stores/settings';

test('of who leaves nothing stays, and of others everything', async () => {
  useSettingsOf('anna');
  settings.notifications.rooms = { r: 'nothing' };
  remember('anna', 'room:r');
  remember('boris', 'room:r');
  await Promise.resolve();
  expect(Object.keys(localStorage).filter((key) => key.endsWith('.anna'))).toHaveLength(2);
  forgetKeptOf('anna');
  expect(Object.keys(localStorage).filter((key) => key.includes('anna'))).toEqual([]);
  expect(recentOf('boris')).toEqual(['room:r']);
});

test.each(['null', '5', '[]', '{', '"x"', '{"theme":"constructor","language":"__proto__","density":5,"notifications":{"rooms":null,"quiet":null},"shortcuts":null}',
  '{"language":null,"notifications":5,"shortcuts":{"search":{}}}', '{"__proto__":{"theme":"dark"},"notifications":{"level":"loud","quiet":{"from":5}}}'])('what the storage has and no one ever chose is not taken: %s', (kept) => {
  useSettingsOf('nobody');
  const fresh = JSON.parse(JSON.stringify(settings)) as unknown;
  localStorage.setItem('nc.settings.dora', kept);
  localStorage.setItem('nc.settings.', kept);
  useSettingsOf('dora');
  expect(settings).toEqual(fresh);
});

test('of what is kept, what holds is taken', () => {
  localStorage.setItem('nc.settings.dora', '{"theme":"dark","language":"xx","notifications":{"on":true,"rooms":{"a":"nothing","b":7}},"shortcuts":{"search":"mod+u"}}');
  useSettingsOf('dora');
  expect(settings).toMatchObject({ theme: 'dark', language: 'system', notifications: { on: true, level: 'mentions', text: true, rooms: { a: 'nothing' } }, shortcuts: { search: 'mod+u' } });
});
