import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Words } from '../../src/app/i18n';

const en = import.meta.glob<Words>('../../src/locales/en/*.ts', { eager: true, import: 'default' });
const ru = import.meta.glob<Words>('../../src/locales/ru/*.ts', { eager: true, import: 'default' });
const twin = (path: string) => path.replace('/en/', '/ru/');
const merged = (files: Record<string, Words>): Words => Object.assign({}, ...Object.values(files));
const source = (readdirSync('src', { recursive: true }) as string[])
  .filter((path) => /\.(vue|ts)$/.test(path) && !path.startsWith('locales'))
  .map((path) => [path, readFileSync(`src/${path}`, 'utf8')] as const);

test('both languages have the same files and the same keys', () => {
  expect(Object.keys(ru).sort()).toEqual(Object.keys(en).map(twin).sort());
  for (const path in en) expect(Object.keys(ru[twin(path)] ?? {}).sort(), path).toEqual(Object.keys(en[path]!).sort());
});

test('a key begins with the name of its feature, and stands once', () => {
  const seen = new Set<string>();
  for (const path in en) {
    const feature = /([a-z]+)\.ts$/.exec(path)![1];
    for (const key of Object.keys(en[path]!)) {
      expect(seen.has(key), key).toBe(false);
      seen.add(key);
      if (feature !== 'app') expect(key.split('.')[0], path).toBe(feature);
    }
  }
});

test('the same places are filled in both, and a plural has every form of its language', () => {
  const places = (word: string | object) => [...new Set([...JSON.stringify(word).matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort();
  const other = merged(ru);
  for (const [key, word] of Object.entries(merged(en))) {
    expect(places(other[key]!), key).toEqual(places(word));
    expect(typeof other[key], key).toBe(typeof word);
    if (typeof word === 'object') {
      expect(Object.keys(word), key).toEqual(expect.arrayContaining(['one', 'other']));
      expect(Object.keys(other[key]!), key).toEqual(expect.arrayContaining(['one', 'few', 'many']));
    }
  }
});

test('every key that the source asks for has words', () => {
  const known = merged(en);
  for (const [path, text] of source)
    for (const [, key] of text.matchAll(/\b[tn]\(\s*'([a-z_]+\.[\w.]+)'\s*[,)]/g)) expect(known, `${path}: ${key}`).toHaveProperty([key!]);
});

test('every action of the audit log has words', () => {
  const actions = /Actions: ([\s\S]*?)\. A name that/.exec(readFileSync('../docs/operations.md', 'utf8'))![1]!;
  expect(actions).toContain('`login.failed`');
  for (const [, action] of actions.matchAll(/`([a-z_.]+)`/g)) expect(merged(en), action).toHaveProperty([`admin.audit.${action}`]);
});

test('no words stand in the templates themselves', () => {
  for (const [path, text] of source) {
    if (!path.endsWith('.vue') || path.endsWith('Gallery.vue')) continue;
    const template = /<template>[\s\S]*<\/template>/.exec(text)?.[0] ?? '';
    expect(template.match(/(?:aria-label|title|placeholder|alt)="[^"]*[A-Za-zА-Яа-я]{2}[^"]*"/g) ?? [], path).toEqual(
      (template.match(/:(?:aria-label|title|placeholder|alt)="[^"]*"/g) ?? []).map((m) => m.slice(1)));
  }
});
