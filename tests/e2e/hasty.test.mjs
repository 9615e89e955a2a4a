// Faster than the node: what one does before it has answered costs nobody their session.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { composer, start, stored, visit, worked } from "./lib/door.mjs";

const node = await start();
after(() => node.stop());

test("who reloads while a busy node has not given a new token yet stays in", async () => {
  const anna = await node.register("anna");
  const room = await anna.room("Hall");
  const { who, page } = await visit(node, "anna", room);
  await worked(page);
  await stored(page, "Hall");
  const answered = () => page.waitForResponse(/\/auth\/refresh$/);
  let second;
  node.child.kill("SIGSTOP");
  try {
    const asked = page.waitForRequest(/\/auth\/refresh$/);
    await page.goto(`/r/${room.id}`, { waitUntil: "commit" });
    await asked;
    await page.goto(`/r/${room.id}`, { waitUntil: "commit" });
    second = answered(); // with what the first has brought
    await page.getByRole("heading", { name: "Hall" }).waitFor();
  } finally {
    node.child.kill("SIGCONT");
  }
  await composer(page).waitFor();
  await second;
  await Promise.all([answered(), page.reload()]);
  await composer(page).waitFor();
  assert.match(page.url(), /\/r\//);
  await who.close();
});
