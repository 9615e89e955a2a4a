// build/sheets: two style sheets instead of one. The first has the classes of what the first room draws; the whole one comes
// with each component that the first room does without, before that is drawn. It has the first's classes, too, in an order
// of its own, and stands behind it: which of two classes wins never depends on which sheet names it.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../src', import.meta.url));
const ROOTS = ['main.ts', 'features/room/RoomView.vue'];
const IMPORT = /^\s*(?:import|export)(?!\s+type\b)\s*(?:[\w${},*\s]+?\sfrom\s*)?'((?:@\/|\.)[^']+)'/gm;

const isFile = (path) => existsSync(path) && statSync(path).isFile();
function found(from, name) {
  const path = name.startsWith('@/') ? join(src, name.slice(2)) : join(dirname(from), name);
  return [path, `${path}.ts`, join(path, 'index.ts')].find(isFile);
}

/** Every file that comes with the first room: what the roots import, and so on. */
export function firstFiles() {
  const files = new Set(), go = (path) => {
    if (!path || files.has(path) || !/\.(ts|vue)$/.test(path)) return;
    files.add(path);
    for (const [, name] of readFileSync(path, 'utf8').matchAll(IMPORT)) go(found(path, name));
  };
  for (const root of ROOTS) go(join(src, root));
  return files;
}

export default function sheets() {
  let first;
  return {
    name: 'sheets',
    apply: 'build',
    enforce: 'pre',
    buildStart: () => void (first = firstFiles()),
    transform(code, id) {
      if (id === join(src, 'styles/main.css')) {
        if (!code.includes('@source "../";')) throw new Error('sheets: src/styles/main.css does not say where its classes are');
        const sources = [...first].map((path) => `@source "${relative(dirname(id), path)}";`);
        return { code: code.replace('@source "../";', sources.join('\n')), map: null };
      }
      if (!id.startsWith(src) || !id.endsWith('.vue') || first.has(id)) return;
      if (!/<script setup/.test(code)) throw new Error(`sheets: ${id} has no <script setup>`);
      return { code: code.replace(/<script setup[^>]*>/, (tag) => `${tag}\nimport '@/styles/whole.css';`), map: null };
    },
  };
}
