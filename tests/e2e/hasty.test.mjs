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
    await page.getByRole("heading", { name: "Hall", exact: true }).first().waitFor();
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

test("who loses the answer to a refresh stays in", async () => {
  const boris = await node.register("boris");
  const room = await boris.room("Yard");
  const { who, page } = await visit(node, "boris", room, { allow: [/ERR_CONNECTION_RESET/] });
  await worked(page);
  await stored(page, "Yard");
  let lost = 0;
  await page.route(/\/auth\/refresh$/, async (route) => {
    if (lost++) return route.continue();
    // The node has it, and answers; the browser hears nothing of that.
    const [{ name, value }] = (await who.context.cookies(route.request().url())).filter((one) => one.name === "nc_refresh");
    const answer = await fetch(route.request().url(), { method: "POST", headers: { cookie: `${name}=${value}`, origin: node.url } });
    assert.equal(answer.status, 200);
    await route.abort("connectionreset");
  });
  await page.reload();
  await composer(page).waitFor();
  await boris.say(room, "still here?");
  await page.getByRole("log").getByText("still here?").waitFor();
  assert.ok(lost >= 2, `asked ${lost} times`);
  await page.unroute(/\/auth\/refresh$/);
  await page.reload();
  await composer(page).waitFor();
  await who.close();
});
