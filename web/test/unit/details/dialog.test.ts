import { expect, test } from 'vitest';
import { askOf, changesOf } from '../../../src/features/details/dialog';
import { givesRoles, invites, putsOut } from '../../../src/features/details/rights';

test('the node is told only what was changed, and what is emptied is put back', () => {
  const before = askOf({ model: 'a/b', system_prompt: 'Be brief.', temperature: 0.5 });
  expect(changesOf(before, { ...before })).toEqual({});
  expect(changesOf(before, { model: '', system_prompt: ' ', temperature: null, max_tokens: 100 })).toEqual({ model: null, system_prompt: null, temperature: null, max_tokens: 100 });
  expect(changesOf(askOf({}), { model: 'x', system_prompt: '', temperature: 0, max_tokens: null })).toEqual({ model: 'x', temperature: 0 });
});

test('nothing is offered that the node would refuse', () => {
  const room = (role: 'owner' | 'moderator' | 'member' | null, visibility: 'public' | 'private' = 'private') => ({ kind: 'room' as const, role, visibility });
  const who = (role: 'owner' | 'moderator' | 'member', id = 'x') => ({ id, kind: 'user' as const, role });
  expect(putsOut(room('moderator'), who('member'), 'me')).toBe(true);
  expect(putsOut(room('moderator'), who('moderator'), 'me')).toBe(false);
  expect(putsOut(room('owner'), who('owner'), 'me')).toBe(true);
  expect(putsOut(room('owner'), who('owner', 'me'), 'me')).toBe(false);
  expect(givesRoles(room('moderator'), who('member'))).toBe(false);
  expect(invites(room('member', 'public'))).toBe(true);
  expect(invites(room('member'))).toBe(false);
  expect(invites(room(null, 'public'))).toBe(false);
});
