// script/lib/web: the programs carry the web client of these sources, or none.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = mkdtempSync(join(tmpdir(), "nc-web-"));
after(() => rmSync(root, { recursive: true, force: true }));
const at = (path) => join(root, path);
const put = (path, text, mode = 0o644) => {
  mkdirSync(join(at(path), ".."), { recursive: true });
  writeFileSync(at(path), text);
  chmodSync(at(path), mode);
};
for (const file of ["web", "common.sh"]) cpSync(join(import.meta.dirname, "../../script/lib", file), at(`script/lib/${file}`), { recursive: true });
// Stand-ins for Node and npm: what is "packed" is the source as it was.
put("bin/node", '#!/bin/sh\ncase $1 in -p) echo "$NODE_IS";; *) mkdir -p build/web && cat web/dist/index.html >build/web/web_files.c;; esac\n', 0o755);
put("bin/npm", '#!/bin/sh\n[ -z "$NPM_FAILS" ] || exit 1\nmkdir -p dist && cat src.ts >dist/index.html\n', 0o755);
put("web/src.ts", "one");
mkdirSync(at("web/node_modules/vite"), { recursive: true });

function build(node, env = {}) {
  const r = spawnSync(at("script/lib/web"), { env: { PATH: `${at("bin")}:/usr/bin:/bin`, NODE_IS: String(node), ...env }, encoding: "utf8" });
  return { status: r.status, said: r.stderr, packed: existsSync(at("build/web/web_files.c")) ? readFileSync(at("build/web/web_files.c"), "utf8") : null };
}

test("with Node it is built once, and again when a source has changed", () => {
  assert.deepEqual(build(22), { status: 0, said: "-- building the web client\n", packed: "one" });
  assert.deepEqual(build(22), { status: 0, said: "", packed: "one" });
  put("web/src.ts", "two");
  assert.equal(build(22).packed, "two");
  put("web/test/a.test.ts", "no part of it");
  assert.equal(build(22).said, "");
});

test("without Node, or its packages, what was packed of these sources stays", () => {
  assert.deepEqual(build(18), { status: 0, said: "", packed: "two" });
  rmSync(at("web/dist"), { recursive: true });
  assert.deepEqual(build(18), { status: 0, said: "", packed: "two" });
});

test("without Node what was packed of other sources goes, and that is said", () => {
  put("web/src.ts", "three");
  const r = build(18);
  assert.deepEqual([r.status, r.packed], [0, null]);
  assert.match(r.said, /no web client in the programs: .*Node 22/);
  assert.match(build(18).said, /no web client/, "each time");
  put("build/web/web_files.c", "of who knows what");
  assert.equal(build(18).packed, null);
  assert.equal(build(22).packed, "three");
});

test("a build that failed leaves nothing that passes for one of these sources", () => {
  put("web/src.ts", "four");
  assert.equal(build(22, { NPM_FAILS: "1" }).status, 1);
  put("web/src.ts", "three"); // as it was
  rmSync(at("web/node_modules"), { recursive: true });
  assert.equal(build(22).packed, null);
});
