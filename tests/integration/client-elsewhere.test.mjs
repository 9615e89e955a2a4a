// neuralchat, whose server is away: it goes on at another address of the mesh, by itself.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { admin } from "./lib/admin.mjs";
import { Node, ok, until } from "./lib/node.mjs";
import { Home, Terminal } from "./lib/terminal.mjs";

const ENTER = "\r", CTRL_C = "\x03";

/** A way to a node that can be cut. */
async function way(url) {
  const target = new URL(url), sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const s of [near, far]) {
      sockets.add(s);
      s.on("error", () => {});
      s.on("close", () => {
        sockets.delete(s);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  const cut = () => {
    for (const s of sockets) s.destroy();
    server.close();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(cut);
  return { url: `http://127.0.0.1:${server.address().port}`, cut };
}

// The server and one of the mesh's nodes are one node here, by two addresses: nothing has to travel between nodes for this.
const node = await Node.forFile({ args: ["--node-name", "home"] });
const other = await Node.start({ args: ["--node-name", "host"] });
after(() => other.stop());
const { code } = ok(await admin(node, "POST", "mesh/invite", {}), 201);
ok(await admin(other, "POST", "mesh/join", { code }));

const listed = (home, url) => join(home.dir, "config/neuralchat/servers", url.replace("://", ","), "nodes");

test("the token is good at the next node, the cursor goes on, and what waited is sent", async () => {
  const front = await way(node.url);
  const home = new Home(front);
  await home.register("anna");
  const bert = await node.register("bert");
  const room = await bert.room("kitchen");
  await home.ok("join", "kitchen");
  const t = new Terminal(home);
  await t.enter("kitchen");
  await bert.say(room, "before the cut");
  await t.see("before the cut");
  await until(() => existsSync(listed(home, front.url)), "the nodes are kept");
  assert.deepEqual(JSON.parse(readFileSync(listed(home, front.url), "utf8")).nodes.map((n) => n.url), [node.url, other.url]);

  front.cut();
  await bert.say(room, "while it is away");
  t.type(`from the other side${ENTER}`);
  await t.see(`going on at ${node.url}`);
  await t.see("while it is away");
  await until(async () => (await bert.history(room)).some((m) => m.text === "from the other side"), "what waited has been sent");
  assert.equal((await bert.history(room)).filter((m) => m.text === "from the other side").length, 1);
  t.type(CTRL_C);
  await t.see("leaves");
  t.type(CTRL_C);
  assert.equal(await t.exit, 0);
});

test("begun while the server is away, it goes where it was told to before", async () => {
  const front = await way(node.url);
  const home = new Home(front);
  await home.register("clara");
  const dora = await node.register("dora");
  const room = await dora.room("cellar");
  await home.ok("join", "cellar");
  const first = new Terminal(home);
  await first.enter("cellar");
  await until(() => existsSync(listed(home, front.url)), "the nodes are kept");
  await first.kill();

  front.cut();
  const t = new Terminal(home);
  await t.see(`going on at ${node.url}`);
  await t.opened("cellar");
  await dora.say(room, "down here");
  await t.see("down here");
  await t.kill();
});
