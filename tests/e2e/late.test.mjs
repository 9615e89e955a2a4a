// History is never silently wrong: what comes late is put in its place and said, what is missing is shown as missing and filled in,
// and who was away too long reads anew.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { NO_NETWORK, person } from "./lib/browser.mjs";
import { enter, messageWith, messages, online, openRoom, start, visit } from "./lib/door.mjs";

const REPLAY = 30, LINES = 460;
const node = await start({ args: ["--replay-max", String(REPLAY)] });
after(() => node.stop());
const anna = await node.register("anna");
const boris = await node.register("boris");

async function room(name) {
  const made = await anna.room(name);
  await boris.join(made);
  return made;
}
const texts = (page) => messages(page).locator(".md").allInnerTexts();

test("a message that others outran stands where it belongs, and is told of", async () => {
  const hall = await room("Hall");
  for (let i = 0; i < 3; i++) await boris.say(hall, `before ${i}`);
  const who = await person(node);
  const page = await who.page();
  // Between the browser and the node one frame is held back, and let go when two others have passed. Only nodes that
  // tell each other what was said send such a one; its message and its number are the node's.
  let held, passed = 0;
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const upstream = socket.connectToServer();
    upstream.onMessage((data) => {
      const frame = JSON.parse(data);
      if (frame.type !== "message.created" || frame.message.room !== hall.id) return socket.send(data);
      if (frame.message.text === "outrun") return void (held = frame);
      socket.send(data);
      if (held && ++passed === 2) socket.send(JSON.stringify({ ...held, cursor: frame.cursor, message: { ...held.message, late: true } }));
    });
  });
  await enter(page, "anna");
  await openRoom(page, hall);
  await messageWith(page, "before 2").waitFor();
  await online(page);
  for (const text of ["outrun", "after 0", "after 1"]) await boris.say(hall, text);
  await messageWith(page, "after 1").waitFor();
  await messageWith(page, "outrun").getByText("arrived late").waitFor();
  assert.deepEqual(await texts(page), ["before 0", "before 1", "before 2", "outrun", "after 0", "after 1"]);
  const note = page.getByRole("button", { name: "1 message arrived late" });
  await note.click();
  await note.waitFor({ state: "detached" });
  // It is kept like that.
  await page.reload();
  await messageWith(page, "after 1").waitFor();
  assert.deepEqual(await texts(page), ["before 0", "before 1", "before 2", "outrun", "after 0", "after 1"]);
  await who.close();
});

test("two parts of a history are known: between them a gap is shown while the node is away, and filled when it is back", async () => {
  const archive = await room("Archive");
  const talk = await boris.socket();
  for (let i = 0; i < LINES; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => talk.say(archive, `line ${i + k}`)));
  talk.close();
  // Three hundred lines lie between: a slow browser that has its pages asked for ahead does not come so far.
  const middle = (await boris.history(archive, "?limit=200"))[0];
  const old = (await boris.history(archive, `?limit=200&before=${middle.id}`))[0];
  const from = Number(old.text.slice(5));
  const newest = (await boris.history(archive, "?limit=1"))[0];
  assert.equal((await anna.call("POST", `/api/v1/rooms/${archive.id}/read`, { message_id: newest.id })).status < 300, true); // nothing unread: one page of the newest is asked for
  const who = await person(node, { allow: [...NO_NETWORK] });
  const page = await who.page();
  await enter(page, "anna");
  // Far up first, then the newest: the browser knows two parts.
  await page.goto(`/r/${archive.id}/m/${old.id}`);
  await messageWith(page, new RegExp(`line ${from}$`)).waitFor();
  await page.goto("/browse");
  await openRoom(page, archive);
  await messageWith(page, new RegExp(`line ${LINES - 1}$`)).waitFor();
  await online(page);

  await who.context.setOffline(true);
  await page.getByText("No connection", { exact: true }).waitFor();
  const gap = page.getByRole("log").getByText("messages are missing here");
  const log = await page.getByRole("log").boundingBox();
  await page.mouse.move(log.x + log.width / 2, log.y + log.height / 2);
  await until(async () => {
    if (await gap.count()) return true;
    await page.mouse.wheel(0, -1500);
    await page.waitForTimeout(50);
    return false;
  }, "the gap");
  await gap.scrollIntoViewIfNeeded();
  const edges = await page.evaluate(() => {
    const gap = [...document.querySelectorAll('[role="log"] .row')].find((row) => /missing here/.test(row.textContent));
    const line = (row) => Number(/line (\d+)/.exec(row?.textContent ?? "")?.[1]);
    return [line(gap), line(gap?.nextElementSibling ?? gap?.parentElement?.nextElementSibling)];
  });
  assert.ok(!(edges[1] - edges[0] === 1), `there is something between ${edges}`);

  await who.context.setOffline(false);
  await online(page);
  await gap.waitFor({ state: "detached" });
  const there = (await texts(page)).map((text) => Number(text.slice(5)));
  for (let i = 1; i < there.length; i++) assert.equal(there[i], there[i - 1] + 1, `no gap: ${there}`);
  await who.close();
});

test("away for longer than the node remembers: rooms and messages are read anew, also what was changed and deleted meanwhile", async () => {
  const dock = await room("Dock");
  const [kept, changed, deleted] = [await boris.say(dock, "stays as it is"), await boris.say(dock, "will be changed"), await boris.say(dock, "will be deleted")];
  const { who, page } = await visit(node, "anna", dock, { allow: [...NO_NETWORK] });
  await messageWith(page, "will be deleted").waitFor();
  await online(page);
  await who.context.setOffline(true);
  await page.getByText("No connection", { exact: true }).waitFor();
  await boris.call("PATCH", `/api/v1/messages/${changed.id}`, { text: "was changed" });
  await boris.call("DELETE", `/api/v1/messages/${deleted.id}`);
  const elsewhere = await room("Elsewhere");
  for (let i = 0; i < REPLAY + 10; i++) await boris.say(elsewhere, `meanwhile ${i}`);
  for (let i = 0; i < 3; i++) await boris.say(dock, `ship ${i}`);
  const resumed = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => resumed.push(JSON.parse(payload).type)));
  await who.context.setOffline(false);
  await messageWith(page, "ship 2").waitFor();
  await messageWith(page, "was changed").waitFor();
  await messageWith(page, "Message deleted").waitFor();
  await until(() => resumed.includes("resync"), "that the node had to begin anew");
  assert.equal(await messageWith(page, "will be").count(), 0);
  assert.ok(await messageWith(page, kept.text).count());
  await page.getByRole("navigation").getByRole("link", { name: /Elsewhere/ }).click();
  await messageWith(page, `meanwhile ${REPLAY + 9}`).waitFor();
  await boris.say(elsewhere, "and on it goes");
  await messageWith(page, "and on it goes").waitFor();
  await who.close();
});
