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
