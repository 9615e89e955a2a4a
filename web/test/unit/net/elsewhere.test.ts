import { beforeEach, expect, test } from 'vitest';
import { keepPlaces, otherPlaces } from '@/net/elsewhere';

const http = { origin: 'http://home:8080', protocol: 'http:' };
const https = { origin: 'https://home', protocol: 'https:' };
beforeEach(() => localStorage.clear());

test('the others, each by one address', () => {
  expect(otherPlaces(http)).toEqual([]);
  keepPlaces([
    { name: 'home', url: 'http://10.0.0.1:8080' },
    { name: 'host', url: 'http://home:8080/' },
    { name: 'host', url: 'https://host.example/' },
    { name: 'host', url: 'http://10.0.0.2:8080' },
    { name: 'attic', url: 'http://attic:8080' },
  ]);
  expect(otherPlaces(http)).toEqual([
    { name: 'host', url: 'https://host.example' },
    { name: 'attic', url: 'http://attic:8080' },
  ]);
  expect(otherPlaces(https)).toEqual([{ name: 'host', url: 'https://host.example' }]);
});

test('what leads nowhere, or is not ours, is left out', () => {
  keepPlaces([{ name: 'home', url: 'https://home' }, { name: 'a', url: 'javascript:alert(1)' }]);
  expect(otherPlaces(https)).toEqual([]);
  localStorage.setItem('nc.nodes', '{"no":"list"}');
  expect(otherPlaces(https)).toEqual([]);
  localStorage.setItem('nc.nodes', 'no JSON');
  expect(otherPlaces(https)).toEqual([]);
});
