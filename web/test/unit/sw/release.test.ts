// @vitest-environment node
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { release } from '../../../build/worker.mjs';

const dir = mkdtempSync(join(tmpdir(), 'nc-release-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('a release is all its files but the worker, tools and what is large; its name follows their content', () => {
  mkdirSync(join(dir, 'assets'));
  mkdirSync(join(dir, '.vite'));
  for (const name of ['index.html', 'assets/a.js', 'sw.js', '.vite/manifest.json', 'assets/a.js.map']) writeFileSync(join(dir, name), name);
  writeFileSync(join(dir, 'assets/large.js'), 'x'.repeat(300 << 10));
  const one = release(dir);
  expect(one.files).toEqual(['/assets/a.js', '/index.html']);
  expect(release(dir).version).toBe(one.version);
  writeFileSync(join(dir, 'sw.js'), 'another');
  expect(release(dir).version).toBe(one.version);
  writeFileSync(join(dir, 'index.html'), 'another');
  const two = release(dir).version;
  expect(two).not.toBe(one.version);
  writeFileSync(join(dir, 'assets/large.js'), 'y'.repeat(300 << 10));
  expect(release(dir).version).not.toBe(two);
});
