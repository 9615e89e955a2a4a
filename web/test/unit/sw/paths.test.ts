import { expect, test } from 'vitest';
import { isNodes, isPage } from '../../../src/sw/paths';

test('what the node answers never comes out of a cache', () => {
  for (const path of ['/api', '/api/v1/server', '/v1/models', '/ws', '/.well-known/jwks.json', '/healthz', '/readyz', '/metrics', '/test/echo', '/sw.js']) {
    expect(isNodes(path), path).toBe(true);
    expect(isPage(path), path).toBe(false);
  }
});

test('the client has the paths that are left, but for its own pieces', () => {
  for (const path of ['/', '/login', '/r/01a1fd43', '/apis', '/settings/profile', '/wsx']) expect(isPage(path), path).toBe(true);
  expect(isPage('/assets/gone-1a2b.js')).toBe(false);
});
