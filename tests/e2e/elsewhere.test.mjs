// The node is away: the page says at which other nodes the same rooms are.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { ok, until } from "../integration/lib/node.mjs";
import { admin } from "../integration/lib/admin.mjs";
import { NO_NETWORK, person } from "./lib/browser.mjs";
import { composer, enter, openRoom, start } from "./lib/door.mjs";

const words = { "en-GB": "The same rooms are here:", ru: "Те же комнаты есть здесь:" };

for (const locale of ["en-GB", "ru"])
  test(`a link to this room at the other node, ${locale}`, async () => {
    const home = await start({ args: ["--node-name", "home"] }), host = await start({ args: ["--node-name", "host"] });
    after(() => Promise.all([home.stop(), host.stop()]));
    const anna = await home.register("anna");
    const room = await anna.room("Garden");
    const { code } = ok(await admin(home, "POST", "mesh/invite", {}), 201);
    ok(await admin(host, "POST", "mesh/join", { code }));
    const a = await person(home, { locale, allow: NO_NETWORK });
    const page = await a.page();
    await enter(page, "anna");
    await openRoom(page, room);
    await until(() => page.evaluate(() => (localStorage.getItem("nc.nodes") ?? "").includes("host")), "the nodes are kept");
    assert.equal(await page.getByRole("link", { name: "host", exact: true }).count(), 0, "nothing of it while the node is there");

    await home.kill();
    const link = page.getByRole("status").getByRole("link", { name: "host", exact: true });
    await link.waitFor();
    await page.getByText(words[locale]).waitFor();
    assert.equal(await link.getAttribute("href"), `${host.url}/r/${room.id}`);
    await composer(page).fill("written meanwhile"); // nothing is in the way
    await a.close();
  });
