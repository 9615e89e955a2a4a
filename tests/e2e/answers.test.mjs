// What people have of machines' answers: whose turn it is, an answer in every tab, others to flip through, another way on from a question,
// the conversation to take along, and for each answer by which model it came, where the text went and what was not read.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { until } from "../integration/lib/node.mjs";
import { Upstream } from "../integration/lib/upstream.mjs";
import { messageWith, openRoom, say, start, stopping, visit } from "./lib/door.mjs";

const outside = Object.values(networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal)?.address;
const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const [upstream, second] = [await Upstream.start(), await Upstream.start()];
const provider = (name, url, more) => anna.call("POST", "/api/v1/providers", { name, kind: "openai", base_url: url, ...more });
assert.equal((await provider("scripted", upstream.url, { models: ["big"], is_default: true })).status, 201);
assert.equal((await provider("spare", second.url, { models: ["small"] })).status, 201);
const { personas } = (await anna.call("GET", "/api/v1/personas")).json;
const olga = personas.find((one) => one.username === "olga");

async function room(name, extra = { personas: ["olga"] }) {
  const made = await anna.room(name, extra);
  await boris.join(made);
  return made;
}
const at = (username, where) => visit(node, username, where);
async function answer(asked, text) {
  await asked.begin().say(text);
  asked.end();
}
/** Something of a message's menu, by keyboard. */
async function act(page, message, name) {
  const item = page.getByRole("menuitem", { name, exact: true });
  await until(async () => {
    await message.press("Enter");
    await page.getByRole("menu").waitFor();
    if (await item.count()) return true;
    await page.keyboard.press("Escape"); // what can be done was told of an answer that was not whole yet
    await page.getByRole("menu").waitFor({ state: "detached" });
    return false;
  }, name);
  await item.click();
}

test("who waits sees how many are before them, and need not wait", async () => {
  const lab = await room("Lab");
  const { who, page } = await at("anna", lab);
  await boris.say(lab, "@olga one?");
  const first = await upstream.next();
  await boris.say(lab, "@olga two?");
  await boris.say(lab, "@olga three?");
  await messageWith(page, "two?").getByText("answers next").waitFor();
  await messageWith(page, "three?").getByText("is busy: 1 question before yours").waitFor();
  await messageWith(page, "three?").getByRole("button", { name: "Do not wait" }).click();
  await messageWith(page, "three?").getByText("is busy").waitFor({ state: "detached" });
  await answer(first, "The first.");
  await answer(await upstream.next(), "The second.");
  await messageWith(page, "The second.").waitFor();
  await until(async () => (await boris.call("GET", "/api/v1/jobs?state=queued,running")).json.jobs.length === 0, "an empty queue");
  assert.equal(await page.getByText("The third").count(), 0);
  await who.close();
});

test("Esc ends the answer that grows for oneself; a question that waits is taken back by its own button alone", async () => {
  const hall = await room("Hall");
  const { who, page } = await at("anna", hall);
  const waiting = async () => (await anna.call("GET", "/api/v1/jobs?state=queued")).json.jobs.length;
  await boris.say(hall, "@olga one?");
  const first = await upstream.next();
  await say(page, "@olga two?");
  await messageWith(page, "two?").getByText("answers next").waitFor();
  await page.keyboard.press("Escape");
  await answer(first, "The first.");
  const second = await upstream.next();
  await second.begin().say("The sec");
  await messageWith(page, "The sec").waitFor();
  await boris.say(hall, "@olga three?");
  await until(async () => (await waiting()) === 1, "a question that waits");
  await page.keyboard.press("Escape");
  await until(() => second.closed, "the end upstream");
  await messageWith(page, "The sec").getByText("Stopped").waitFor();
  await answer(await upstream.next(), "The third.");
  await messageWith(page, "The third.").waitFor();
  await who.close();
});

test("an answer grows in a second tab, goes on over a reload in the middle, and is stopped from there", async () => {
  const den = await room("Den");
  const { who, page } = await at("anna", den);
  await say(page, "@olga tell a tale");
  const asked = await upstream.next();
  await asked.begin().say("Once upon ", "a time ");
  await messageWith(page, "Once upon a time").waitFor();
  const tab = await who.page();
  await openRoom(tab, den);
  await messageWith(tab, "Once upon a time").waitFor();
  await tab.reload();
  await messageWith(tab, "Once upon a time").waitFor();
  await page.reload();
  await asked.say("there was a node.");
  for (const one of [page, tab]) await messageWith(one, "Once upon a time there was a node.").waitFor();
  await stopping(tab).click();
  await until(() => asked.closed, "the end upstream");
  for (const one of [page, tab]) await messageWith(one, "Once upon").getByText("Stopped").waitFor();
  await who.close();
});

test("an answer under way is there in whole for a second device, and goes on where the tab with the connection is closed", async () => {
  const cave = await room("Cave");
  const one = await at("anna", cave);
  await say(one.page, "@olga tell another");
  const asked = await upstream.next();
  await asked.begin().say("Far, ", "far away ");
  await messageWith(one.page, "Far, far away").waitFor();
  const device = await at("anna", cave);
  await messageWith(device.page, "Far, far away").waitFor();
  const tab = await one.who.page();
  await openRoom(tab, cave);
  await messageWith(tab, "Far, far away").waitFor();
  await one.page.close();
  await asked.say("there was ");
  await messageWith(tab, "Far, far away there was").waitFor();
  await asked.say("a fox.");
  asked.end();
  for (const page of [tab, device.page]) await messageWith(page, "Far, far away there was a fox.").waitFor();
  await one.who.close();
  await device.who.close();
});

test("another answer, by the same model and by another; flipping chooses for all, or is a look of one's own", async () => {
  const deck = await room("Deck");
  const one = await at("anna", deck), two = await at("boris", deck);
  await say(one.page, "@olga a number?");
  await answer(await upstream.next(), "Seven.");
  await messageWith(one.page, "Seven.").waitFor();
  await act(one.page, messageWith(one.page, "Seven."), "Another answer");
  await one.page.getByRole("menuitem", { name: "By the same model" }).click();
  await answer(await upstream.next(), "Eight.");
  await messageWith(one.page, "Eight.").getByText("2/2").waitFor();
  await act(one.page, messageWith(one.page, "Eight."), "Another answer");
  await one.page.getByRole("menuitem", { name: /small/ }).click();
  await answer(await second.next(), "Nine.");
  await messageWith(one.page, "Nine.").getByText("3/3").waitFor();
  await messageWith(two.page, "Nine.").getByText("3/3").waitFor();
  await messageWith(one.page, "Nine.").getByRole("button", { name: /small/ }).waitFor();

  // Boris only looks: nobody else's changes.
  await messageWith(two.page, "Nine.").getByRole("button", { name: "The answer before" }).click();
  await messageWith(two.page, "Eight.").getByText("Only you see this one").waitFor();
  await messageWith(one.page, "Nine.").waitFor();
  // Anna asked: hers is chosen for all.
  await messageWith(one.page, "Nine.").getByRole("button", { name: "The answer before" }).click();
  await messageWith(one.page, "Eight.").getByText("2/3").waitFor();
  await messageWith(one.page, "Eight.").getByRole("button", { name: "The answer before" }).click();
  for (const { page } of [one, two]) await messageWith(page, "Seven.").getByText("1/3").waitFor();
  await one.page.waitForFunction(() => document.activeElement !== document.body); // the button that can go no farther leaves the focus nearby
  await one.who.close();
  await two.who.close();
});

test("a dialog: asked differently it goes on in another, the first stays; both can be taken along", async () => {
  const made = (await anna.call("POST", "/api/v1/rooms", { kind: "dialog", persona: "olga", name: "Soup" })).json;
  const { who, page } = await at("anna", made);
  await say(page, "Which soup?");
  await answer(await upstream.next(), "Borscht.");
  await messageWith(page, "Borscht.").waitFor();
  await say(page, "And with what?");
  await answer(await upstream.next(), "With cream.");
  await messageWith(page, "With cream.").waitFor();

  await act(page, messageWith(page, "And with what?"), "Ask differently");
  const field = page.getByRole("textbox", { name: "Ask differently" });
  await field.fill("And without cream?");
  await page.getByRole("button", { name: "Go on from here" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/r/") && !url.pathname.includes(made.id));
  const asked = await upstream.next();
  assert.deepEqual(asked.json.messages.filter(({ role }) => role !== "system").map(({ content }) => content), ["Which soup?", "Borscht.", "And without cream?"]);
  await answer(asked, "With bread.");
  await messageWith(page, "With bread.").waitFor();
  await messageWith(page, "Borscht.").waitFor();
  assert.equal(await messageWith(page, "With cream.").count(), 0);

  await page.keyboard.press("Control+.");
  const [text] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Markdown" }).click()]);
  assert.match(readFileSync(await text.path(), "utf8"), /Which soup\?[\s\S]*Borscht\.[\s\S]*And without cream\?[\s\S]*With bread\./);
  const [data] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "JSON" }).click()]);
  assert.ok(JSON.stringify(JSON.parse(readFileSync(await data.path(), "utf8"))).includes("With bread."));

  await page.getByRole("link", { name: "Where this dialog branched off" }).click();
  await messageWith(page, "With cream.").waitFor();
  assert.equal(await messageWith(page, "With bread.").count(), 0);
  await who.close();
});

test("when one model gives up another goes on, and both are told of; what did not fit is told of, too", async () => {
  assert.equal((await anna.call("PATCH", `/api/v1/personas/${olga.id}`, { model: "scripted/big", fallbacks: ["spare/small"], context: { messages: 5, tokens: 8192 } })).status, 200);
  const shop = await room("Shop");
  for (let i = 0; i < 15; i++) await boris.say(shop, `line ${i}`);
  const { who, page } = await at("anna", shop);
  await say(page, "@olga and now?");
  (await upstream.next()).begin({ "content-type": "application/json" }, 500).end('{"error":{"message":"out of memory"}}');
  await answer(await second.next(), "From the spare one.");
  const card = messageWith(page, "From the spare one.");
  await card.getByText("could not answer:").waitFor();
  await card.getByText("did not fit and were not read").waitFor();
  assert.match(await card.innerText(), /big could not answer: .{3}/);
  assert.match(await card.innerText(), /\d+ earlier messages did not fit and were not read/);
  const { ai } = await until(async () => (await boris.history(shop)).find((one) => one.state === "complete" && one.ai), "the answer");
  assert.ok((await card.innerText()).includes(`${ai.omitted_messages} earlier`));
  await card.getByRole("button", { name: "Model small, this node: details" }).click();
  const facts = page.getByRole("dialog", { name: "How this answer came about" });
  for (const text of ["spare", "this node", "@anna", "scripted/big", "spare/small"]) await facts.getByText(text, { exact: true }).first().waitFor();
  await page.keyboard.press("Escape");
  await who.close();
  await anna.call("PATCH", `/api/v1/personas/${olga.id}`, { model: "", fallbacks: [] });
});

test("where the text goes is always in sight, and follows what is decided", async (t) => {
  const yard = await room("Yard");
  const { who, page } = await at("boris", yard);
  const badge = page.getByRole("button", { name: /^Where this text goes/ });
  await badge.getByText("Stays on this node").waitFor();
  await badge.click();
  await page.getByRole("dialog", { name: "Where this text goes" }).getByText("Ольга").waitFor();
  await page.getByText("The room allows models anywhere, also in the cloud.").waitFor();
  await page.keyboard.press("Escape");
  await anna.call("PATCH", `/api/v1/rooms/${yard.id}`, { ai: { allowed: false } });
  await badge.getByText("No AI here").waitFor();
  await anna.call("PATCH", `/api/v1/rooms/${yard.id}`, { ai: { allowed: true, destination: "this_node" } });
  await badge.getByText("Stays on this node").waitFor();
  await badge.click();
  await page.getByText("The room allows models on this node only.").waitFor();
  await page.keyboard.press("Escape");

  await t.test("farther away it says so", { skip: !outside && "this machine has no other address" }, async (t) => {
    const far = await Upstream.start(outside);
    const made = await provider("far", far.url, { models: ["huge"], is_default: true });
    assert.equal(made.status, 201, made.text);
    const gate = await room("Gate");
    await boris.say(gate, "@olga where are you?");
    await answer(await far.next(), "Not here.");
    const { ai } = await until(async () => (await boris.history(gate)).find((one) => one.state === "complete" && one.ai), "the answer");
    if (ai.destination === "this_node") return t.skip("that address counts as this node");
    await openRoom(page, gate);
    await badge.getByText(/Local network|To the cloud/).waitFor();
    await messageWith(page, "Not here.").getByRole("button", { name: /huge, (local network|cloud) · / }).waitFor();
    // Such a model is none of the room that stays here.
    await openRoom(page, yard);
    await badge.getByText("Stays on this node").waitFor();
    await badge.click();
    await page.getByText("too far away for this room: it is not asked").waitFor();
    await page.keyboard.press("Escape");
  });
  await who.close();
});
