// lint: what a reader of the client should not have to check. Names each fault; the exit status is 1 if there is one.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const web = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(join(web, path));
const faults = [];

// ---- sources: text becomes a page only through Vue, and nothing needs an exception from the policy

const FORBIDDEN = [
  [/\bv-html\b|\b(inner|outer)HTML\b|\binsertAdjacentHTML\b|\bsrcdoc\b|\bdocument\.write\b|\bcreateContextualFragment\b/, 'markup out of a string'],
  [/[\s"'`]style="|\bsetAttribute\(\s*['"]style\b/, 'a style in the markup: the policy drops it (:style is fine)'],
  [/\bjavascript:/i, 'a script as an address'],
  [/\beval\(|\bnew Function\(/, 'code out of a string'],
  [/\bdata:[a-z]+\//, 'a file as an address: the policy does not load it'],
];
const COMMENT = /^\s*(\/\/|\*|\/\*|<!--)/;

const sources = readdirSync(join(web, 'src'), { recursive: true }).filter((path) => /\.(vue|ts|css)$/.test(path)).map((path) => join('src', path));
for (const path of [...sources, 'index.html', 'public/theme.js'])
  for (const [at, line] of read(path).toString().split('\n').entries())
    for (const [pattern, what] of FORBIDDEN) if (pattern.test(line) && !COMMENT.test(line)) faults.push(`web/${path}:${at + 1}: ${what}`);

// ---- layers: a folder may use what stands here, and itself

const LAYERS = {
  kit: [], net: [], sw: [], sync: ['net'], stores: ['net', 'sync'], md: ['kit', 'net', 'app'], locales: ['app'], styles: [],
  features: ['kit', 'net', 'stores', 'md', 'app', 'locales'], app: ['kit', 'net', 'stores', 'features', 'locales', 'styles'],
};
for (const path of sources) {
  const [, layer, ...rest] = path.split('/');
  if (!rest.length) continue; // main.ts and its like know everybody
  const allowed = LAYERS[layer];
  if (!allowed) faults.push(`web/${path}: ${layer} is no layer`);
  for (const [, target] of read(path).toString().matchAll(/(?:from|import\(|import) '(@\/[^']+|\.[^']*)'/g)) {
    const [to] = (target.startsWith('@/') ? target.slice(2) : join(layer, ...rest.slice(0, -1), target)).split('/');
    if (allowed && to !== layer && !allowed.includes(to)) faults.push(`web/${path}: ${layer} may not use ${target}`);
    if (target.endsWith('.vue') && ['net', 'sync', 'stores'].includes(layer)) faults.push(`web/${path}: knows a component (${target})`);
  }
}

// ---- lock file: no hosts, and packages as they were published

for (const lock of ['package-lock.json', '../package-lock.json']) {
  const text = read(lock).toString();
  if (/"resolved"|https?:\/\/[^"]*\.tgz/.test(text)) faults.push(`${lock}: names a registry`);
  for (const [name, { link, inBundle, integrity }] of Object.entries(JSON.parse(text).packages)) if (name && !link && !inBundle && !integrity) faults.push(`${lock}: ${name} has no integrity`);
}
for (const [name, version] of Object.entries({ ...JSON.parse(read('package.json')).dependencies, ...JSON.parse(read('package.json')).devDependencies }))
  if (!/^\d/.test(version)) faults.push(`web/package.json: ${name} is not pinned`);

// ---- sizes: what comes before the first room can be read

const manifest = JSON.parse(read('dist/.vite/manifest.json'));
const named = new Set([...read('dist/index.html').toString().matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]));
const entry = Object.keys(manifest).filter((key) => named.has(manifest[key].file));
const FIRST = [...entry, 'src/features/shell/Shell.vue', 'src/features/room/RoomView.vue'];
const LANGUAGES = ['src/locales/en.ts', 'src/locales/ru.ts'];
const size = (files) => [...files].reduce((sum, file) => sum + gzipSync(read(`dist/${file}`), { level: 9 }).length, 0);

function filesOf(keys) {
  const files = new Set();
  const seen = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk || seen.has(key)) return;
    seen.add(key);
    files.add(chunk.file);
    chunk.css?.forEach((file) => files.add(file));
    chunk.imports?.forEach(visit);
  };
  keys.forEach(visit);
  return files;
}

if (!entry.some((key) => manifest[key].file.endsWith('.js'))) faults.push('web/dist/index.html names no script of the build');
for (const key of [FIRST.at(-1), ...LANGUAGES]) if (!manifest[key]) faults.push(`${key} is not in the build: web/build/lint.mjs has an old name`);
const first = Math.max(...LANGUAGES.map((language) => size(filesOf([...FIRST, language]).add('theme.js'))));
const fonts = [...new Set(Object.values(manifest).map((chunk) => chunk.file))].filter((file) => /inter-.*\.woff2$/.test(file)).reduce((sum, file) => sum + read(`dist/${file}`).length, 0);
console.log(`first load: ${(first / 1024).toFixed(1)} KB of JS and CSS by gzip (120), ${(fonts / 1024).toFixed(1)} KB of fonts (70)`);
if (first > 120 * 1024)
  for (const [file, bytes] of [...filesOf([...FIRST, LANGUAGES[1]])].map((f) => [f, size([f])]).sort((a, b) => b[1] - a[1]).slice(0, 8))
    console.log(`  ${(bytes / 1024).toFixed(1)} ${file}`);
if (first > 120 * 1024) faults.push('the first load is over its budget');
if (fonts > 70 * 1024) faults.push('the fonts of the first load are over their budget');

// Two sheets (build/sheets.mjs): what the first one draws with must stand in it, too.
const styled = [...filesOf(FIRST)].filter((file) => file.endsWith('.css')).map((file) => read(`dist/${file}`).toString()).join('');
for (const name of new Set([...styled.matchAll(/var\((--[\w-]+)\)/g)].map((m) => m[1])))
  if (!new RegExp(`${name}\\s*[:{]`).test(styled)) faults.push(`${name} is not known until the whole style sheet has come`);

// ---- what is built asks nobody else, and needs no exception either

for (const file of readdirSync(join(web, 'dist'), { recursive: true }).filter((path) => /\.(js|css|html)$/.test(path))) {
  const text = read(`dist/${file}`).toString();
  if (/url\(\s*["']?(data:|https?:)|@import\s+["']?https?:/.test(text)) faults.push(`web/dist/${file}: loads from elsewhere, or out of itself`);
  if (/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/.test(text) && file.endsWith('.html')) faults.push(`web/dist/${file}: a script or style in the page itself`);
}

for (const fault of faults) console.log(fault);
process.exit(faults.length ? 1 : 0);
