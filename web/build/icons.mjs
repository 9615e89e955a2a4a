// build/icons: the icons that src/kit/icons.ts names, taken out of Lucide as one path each.
//
// `virtual:icons/first` and `virtual:icons/later` are {name: d}. An icon that Lucide does not have, or whose form is not known here, ends the build.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const lucide = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('@iconify-json/lucide/icons.json'), 'utf8'));
const list = new URL('../src/kit/icons.ts', import.meta.url).pathname;
const prefix = 'virtual:icons/';

const ellipse = (cx, cy, rx, ry) => `M${cx - rx} ${cy}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0z`;

function rect(x, y, w, h, r) {
  if (!r) return `M${x} ${y}h${w}v${h}h${-w}z`;
  const arc = (dx, dy) => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
  return `M${x + r} ${y}h${w - 2 * r}${arc(r, r)}v${h - 2 * r}${arc(-r, r)}h${2 * r - w}${arc(-r, -r)}v${2 * r - h}${arc(r, -r)}z`;
}

const shapes = {
  g: () => '',
  path: (a) => (a.d[0] === 'm' ? `M0 0${a.d}` : a.d), // from nowhere, not from where the shape before it ended
  circle: (a) => ellipse(+a.cx, +a.cy, +a.r, +a.r),
  ellipse: (a) => ellipse(+a.cx, +a.cy, +a.rx, +a.ry),
  rect: (a) => rect(+(a.x ?? 0), +(a.y ?? 0), +a.width, +a.height, +(a.rx ?? 0)),
};

/** An icon as the `d` of one path, to be drawn with a round stroke of width 2. */
export function pathOf(name) {
  const body = (lucide.icons[name] ?? lucide.icons[lucide.aliases?.[name]?.parent])?.body;
  if (!body) throw new Error(`icons: there is no "${name}" in Lucide (src/kit/icons.ts)`);
  return [...body.matchAll(/<(\w+)([^>]*)>/g)].map(([, tag, rest]) => {
    if (!shapes[tag]) throw new Error(`icons: "${name}" has a <${tag}>, which is not drawn here`);
    return shapes[tag](Object.fromEntries([...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map((m) => [m[1], m[2]])));
  }).join('');
}

/** The names of one of the two lists. */
export function namesIn(source, which) {
  const list = new RegExp(`const ${which} = \\[([^\\]]*)\\]`).exec(source)?.[1];
  if (!list) throw new Error(`icons: src/kit/icons.ts has no list "${which}"`);
  return [...list.matchAll(/'([^']+)'/g)].map((match) => match[1]);
}

export default function icons() {
  return {
    name: 'icons',
    resolveId: (source) => (source.startsWith(prefix) ? `\0${source}` : undefined),
    load(source) {
      if (!source.startsWith(`\0${prefix}`)) return;
      this.addWatchFile(list);
      const names = namesIn(readFileSync(list, 'utf8'), source.slice(prefix.length + 1));
      return `export default ${JSON.stringify(Object.fromEntries(names.map((name) => [name, pathOf(name)])))}`;
    },
  };
}
