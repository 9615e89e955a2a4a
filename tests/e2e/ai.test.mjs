// What a room says of its AI, and what it does not say before it knows. The node of these tests has no model.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { Upstream } from "../integration/lib/upstream.mjs";
import { person } from "./lib/browser.mjs";
import { enter, messageWith, openRoom, say, start, visit } from "./lib/door.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const boris = await node.register("boris");
const kitchen = await anna.room("Kitchen", { personas: ["olga"] });

test("nobody hears that there is no AI while the node has not told", async () => {
  const who = await person(node, { serviceWorkers: "block" });
  const page = await who.page();
  await enter(page, "anna");
  let tell;
  const told = new Promise((done) => (tell = done));
  await page.route(`**/api/v1/rooms/${kitchen.id}`, async (route) => {
    await told;
    await route.continue();
  });
  await page.goto(`/r/${kitchen.id}?p=details`);
  await page.getByText("AI in this room").waitFor();
  assert.equal(await page.getByText("No AI is a member here.").count(), 0);
  tell();
  await page.getByText("Texts of this room go no further").waitFor();
  await page.locator("section", { hasText: "AI in this room" }).getByText("Ольга").waitFor();
  await who.close();
});

test("a question says that it waits for a model, and does not promise an answer", async () => {
  const { who, page } = await visit(node, "anna", kitchen);
  // the room allows the cloud: nobody can say yet that nothing leaves the node
  await page.getByRole("button", { name: "Where this text goes: No model yet" }).click();
  await page.getByText("there is no model", { exact: true }).waitFor(); // strict: once
  await page.keyboard.press("Escape");
  await say(page, "Olga, are you there?");
  await messageWith(page, "are you there").getByText("waits for a model").waitFor();
  await page.getByRole("log").getByText("this node has no model yet").waitFor();
  await who.close();
});

test("whose node it is comes from there to where a server is added; nobody else is sent there", async () => {
  await boris.join(kitchen);
  const hers = await person(node), his = await person(node);
  const page = await hers.page(), other = await his.page();
  await enter(other, "boris");
  await openRoom(other, kitchen);
  await say(other, "@olga?");
  await other.getByRole("log").getByText("Administration → Providers").first().waitFor();
  await enter(page, "anna");
  await openRoom(page, kitchen);
  await page.getByRole("link", { name: "Add a server" }).first().click();
  await page.waitForURL("**/admin/providers");
  await page.getByRole("heading", { name: "Providers" }).first().waitFor();
  assert.equal(await other.getByRole("link", { name: "Add a server" }).count(), 0);
  await hers.close();
  await his.close();
});

test("why there is no answer is told in the language of who reads, whoever asked", async () => {
  const hall = await anna.room("Hall", { personas: ["olga"] });
  await boris.join(hall);
  const his = await person(node, { locale: "ru-RU" });
  const page = await his.page();
  await enter(page, "boris");
  await openRoom(page, hall);
  await anna.say(hall, "Olga, are you there?"); // the node's words are English
  await page.getByRole("log").getByText("Ответить некому: у узла пока нет модели.").waitFor();
  await page.getByRole("link", { name: /Hall/ }).getByText(/Ответить некому/).waitFor();
  assert.equal(await page.getByText("has no model").count(), 0);
  await his.close();
});

test("a room that had no model says where its text goes as soon as one answers", async () => {
  const { who, page } = await visit(node, "anna", kitchen);
  await page.getByRole("button", { name: "Where this text goes: No model yet" }).waitFor();
  const upstream = await Upstream.start();
  await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url, models: ["big"] });
  upstream.serve((asked) => asked.begin().say("Here I am.").then((one) => one.end()));
  await messageWith(page, "Here I am.").first().waitFor();
  await page.getByRole("button", { name: "Where this text goes: Stays on this node" }).waitFor();
  await who.close();
});
