// build/worker: the service worker, made last: it names every file of the release and a name for all of them.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const source = fileURLToPath(new URL('../src/sw/sw.ts', import.meta.url));
/** Larger pieces are kept once they were wanted. */
const LARGE = 256 << 10;

function* walk(dir, below = '') {
  for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
    const path = `${below}/${entry.name}`;
    if (entry.name.startsWith('.') || /\.map$|^sw\.js$/.test(entry.name)) continue;
    if (entry.isDirectory()) yield* walk(dir, path);
    else yield path;
  }
}

/** What a release consists of, and a name that changes with any of it. */
export function release(dir) {
  const digest = createHash('sha256');
  const files = [...walk(dir)].sort().filter((path) => {
    const bytes = readFileSync(join(dir, path));
    digest.update(`${path} ${bytes.length}\n`).update(bytes);
    return bytes.length <= LARGE;
  });
  return { files, version: digest.digest('hex').slice(0, 12) };
}

export default function worker() {
  let out;
  return {
    name: 'worker',
    apply: 'build',
    configResolved: (config) => void (out = config.build.outDir),
    async closeBundle() {
      const { files, version } = release(out);
      await build({
        configFile: false,
        logLevel: 'warn',
        define: { __FILES__: JSON.stringify(files), __VERSION__: JSON.stringify(version) },
        build: {
          outDir: out,
          emptyOutDir: false,
          copyPublicDir: false,
          target: 'es2022',
          lib: { entry: source, formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
        },
      });
    },
  };
}
