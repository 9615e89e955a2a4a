// docs/mqtt.md, run as it stands; docs/mqtt.ru.md says the same.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnv, ok, until } from "./lib/node.mjs";
import { Side } from "./lib/mqtt_users.mjs";

const read = (name) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const text = read("mqtt.md");
const blocks = Object.fromEntries([...text.matchAll(/^```sh (\S+)\n([^]*?)^```$/gm)].map(([, name, body]) => [name, body]));
const program = text.match(/^```js\n([^]*?)^```$/m)[1];

const side = await Side.start();
const anna = Object.assign(await side.node.register("anna"), { name: "anna" });
const boris = await side.person("boris");
const room = await anna.room(undefined, { members: [boris.name] });
const home = mkdtempSync(join(tmpdir(), "nc-docs-")); // where its commands are said
after(() => rmSync(home, { recursive: true }));
writeFileSync(join(home, "login.json"), JSON.stringify({ username: anna.name, password: anna.password }));
const env = { URL: side.node.url, TOKEN: "", HOST: "127.0.0.1", PORT: `${side.broker.port}`, ROOM: room.id, KEY: "" };

/** A block, to its end. */
function shell(name) {
  assert.ok(blocks[name], name);
  const child = spawn("bash", ["-ec", `exec ${blocks[name]}`], { env: cleanEnv(env), cwd: home });
  child.out = "";
  for (const from of [child.stdout, child.stderr]) from.setEncoding("utf8").on("data", (s) => (child.out += s));
  return child;
}
async function run(name) {
  const child = shell(name);
  await until(() => child.exitCode !== null, name);
  assert.equal(child.exitCode, 0, child.out);
  return child.out;
}

test("docs/mqtt.ru.md has the same commands, program, chapters and links", () => {
  const said = /(?<=-m ")[^"/][^"]*|(?<="text":")[^"]*|(?<=text: `)[^`]*?(?=\$)|(?<=\/\/ ).*$/gm; // in words of its own
  const parts = (of) => ({
    code: [...of.matchAll(/^```[^]*?^```$/gm)].map(([block]) => block.replace(said, "")),
    names: [...of.replace(/^```[^]*?^```$/gm, "").matchAll(/`([^`]+)`/g)].map(([, name]) => name).filter((name) => name !== "inbox").sort(),
    shape: of.match(/^(#+|-) /gm),
    links: [...of.matchAll(/\]\(([^)]+)\)/g)].map(([, to]) => to).filter((to) => !to.startsWith("mqtt")),
  });
  assert.deepEqual(parts(read("mqtt.ru.md")), parts(text));
});

test("the conversation of docs/mqtt.md", async () => {
  env.TOKEN = (await run("token")).trim();
  env.KEY = JSON.parse(await run("key")).key;
  await side.connect({ name: "anna", key: env.KEY }).then((c) => c.end());
  const ears = shell("listen");
  await until(() => side.broker.log.includes(`anna/terminal 1 nc/v1/r/${room.id}/live`), "its subscriptions");
  await run("here");
  await run("say");
  await run("say-json");
  await run("say-json");
  await run("command");
  await run("history");
  await until(() => ears.out.includes('"ref":"earlier"'), "history");
  await until(() => ears.out.includes("are here"), "the answer of a command");
  assert.match(ears.out, /1 of 2 are here: anna/);
  const heard = ears.out.trim().split("\n").map((line) => JSON.parse(line));
  const created = heard.filter((m) => m.type === "message.created").map((m) => m.message.text);
  assert.deepEqual(created, ["Hello from a terminal", "Once, however often it is sent"]);
  assert.equal(heard.filter((m) => m.type === "ack" && m.message).length, 3);
  ears.kill();
});

test("the program of docs/mqtt.md", async () => {
  const file = new URL("./.mqtt-docs-program.mjs", import.meta.url); // beside us, so that it finds the package
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file.pathname], { env: cleanEnv(env), stdio: ["ignore", "inherit", "inherit"] });
  await until(() => side.broker.log.includes(`anna/bot 1 nc/v1/u/anna/inbox`), "its subscriptions");
  await boris.say(room, "is anybody there?");
  const heard = () => boris.history(room);
  await until(async () => (await heard()).some((m) => m.text === "You said: is anybody there?"), "its answer");
  child.kill();
  rmSync(file);
  ok(await boris.call("GET", "/api/v1/me"));
});
