// pack OUT DIR...: the files of the folders as the node carries them.
//
// Each file as it is, by brotli and by gzip where that pays, in OUT/site; beside it the
// table (web_files.c) and the bytes (web_bytes.S) that src/server/embed gives to the
// compiler.  OUT/site is also a folder for --web-dir.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};
const DENSE = new Set([".png", ".webp", ".woff2"]);

/** Paths below a folder, without those of tools (.vite) and maps. */
function* walk(dir, below = "") {
  for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
    const path = `${below}/${entry.name}`;
    if (entry.name.startsWith(".") || entry.name.endsWith(".map")) continue;
    if (entry.isDirectory()) yield* walk(dir, path);
    else yield path;
  }
}

function squeezed(bytes, ending) {
  if (DENSE.has(ending) || bytes.length < 200) return {};
  const br = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const gz = gzipSync(bytes, { level: 9 });
  return Object.fromEntries(Object.entries({ br, gz }).filter(([, b]) => b.length < bytes.length * 0.95));
}

const [out, ...dirs] = process.argv.slice(2);
const files = new Map(dirs.flatMap((dir) => [...walk(dir)].map((path) => [path, join(dir, path)])));
const rows = [];
const bytes = [];

rmSync(out, { recursive: true, force: true });
const put = (name, content) => {
  mkdirSync(dirname(join(out, name)), { recursive: true });
  writeFileSync(join(out, name), content);
};

for (const path of [...files.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
  const ending = extname(path);
  const type = TYPES[ending];
  if (!type || !/^[\w./-]+$/.test(path)) throw new Error(`${path}: not a kind of file that the node serves`);
  const plain = readFileSync(files.get(path));
  const etag = createHash("sha256").update(plain).digest("hex").slice(0, 16);
  const forms = { plain, ...squeezed(plain, ending) };
  const row = [`.path = "${path}", .type = "${type}", .etag = "${etag}", .immutable = ${path.startsWith("/assets/")}`];
  for (const [form, content] of Object.entries(forms)) {
    const name = `site${path}${form === "plain" ? "" : `.${form}`}`;
    const symbol = `nc_web_${rows.length}_${form}`;
    put(name, content);
    row.push(`.${form === "gz" ? "gzip" : form} = {${symbol}, ${content.length}}`);
    bytes.push({ symbol, name, etag });
  }
  rows.push(`    {${row.join(",\n     ")}},`);
}

put("web_files.c", `#include "server/web_files.h"

extern const char ${bytes.map((b) => `${b.symbol}[]`).join(",\n    ")};

const struct nc_web_file nc_web_files[] = {
${rows.join("\n")}
};
const size_t nc_web_files_n = ${rows.length};
`);
put("web_bytes.S", [
  ".section .rodata",
  ...bytes.map((b) => `/* ${b.etag} */\n.globl ${b.symbol}\n.hidden ${b.symbol}\n${b.symbol}:\n.incbin "@PACKED@/${b.name}"`),
  '.section .note.GNU-stack,"",%progbits\n',
].join("\n"));
