// script/lib/failing and script/lib/tally: what is run once more, and what counts then.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = mkdtempSync(join(tmpdir(), "nc-tally-"));
after(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(join(root, "reports"));
const lib = (name) => join(import.meta.dirname, "../../script/lib", name);
const run = (...args) => spawnSync(args[0], args.slice(1), { cwd: root, encoding: "utf8" });
const put = (name, text) => writeFileSync(join(root, name), text);

const fault = (file, words = "it went wrong") => `not ok 1 - of ${file}\n  ---\n  location: '${join(root, file)}:3:1'\n  error: '${words}'\n  ...\n`;
const tap = (faults, pass, fail = faults.length) => `TAP version 13\nok 1 - fine\n${faults.join("")}# pass ${pass}\n# fail ${fail}\n# cancelled 0\n`;
const failing = (text) => (put("x.tap", text), run(lib("failing"), "x.tap").stdout.split("\n").filter(Boolean));
function tally(first, again) {
  put("x.tap", first);
  rmSync(join(root, "x-again.tap"), { force: true });
  if (again !== undefined) put("x-again.tap", again);
  const r = run(lib("tally"), join(root, "reports"), join(root, "x.tap"));
  return [r.stdout.trimEnd().split("\n").at(-1), r.status];
}

test("files that failed are named once each", () => {
  assert.deepEqual(failing(tap([], 3)), []);
  assert.deepEqual(failing(tap(["b", "a", "a"].map((f) => fault(`${f}.test.mjs`)), 3)), ["a.test.mjs", "b.test.mjs"]);
});

test("a broken run is not looked at again", () => {
  const of = (n) => Array.from({ length: n }, (_, i) => fault(`${i}.test.mjs`));
  assert.equal(failing(tap(of(5), 9)).length, 5);
  assert.deepEqual(failing(tap(of(6), 9)), []);
  assert.deepEqual(failing(tap([fault("a.test.mjs"), "not ok 2 - of nowhere\n"], 9)), []);
  assert.deepEqual(failing(tap(of(1), 9).replace(/^# .*\n/gm, "")), [], "the runner died");
  assert.deepEqual(failing(tap([fault("a.test.mjs", "../src/a.c:7:3: runtime error: signed integer overflow")], 9)), []);
  assert.deepEqual(run(lib("failing"), "none.tap").stdout, "");
});

test("what passes alone has passed, what fails twice has failed", () => {
  const first = tap([fault("a.test.mjs"), fault("b.test.mjs")], 8);
  assert.deepEqual(tally(tap([], 8)), ["8 passed, 0 failed", 0]);
  assert.deepEqual(tally(first), ["8 passed, 2 failed", 1]);
  assert.deepEqual(tally(first, tap([], 5)), ["10 passed, 0 failed", 0]);
  assert.deepEqual(tally(first, tap([fault("a.test.mjs")], 4)), ["9 passed, 1 failed", 1]);
});

test("a second run that did not come to an end clears nothing", () => {
  const first = tap([fault("a.test.mjs")], 8);
  assert.equal(tally(first, "")[1], 1, "the runner died");
  assert.deepEqual(tally(first, tap([], 0)), ["8 passed, 1 failed", 1], "nothing ran");
});
