// The ways to the node: where WebSocket does not get through, events come all the same, and the page says so.
import { test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { person } from "./lib/browser.mjs";
import { composer, enter, openRoom, start } from "./lib/door.mjs";

for (const [way, blocked] of [["sse", ["WebSocket"]], ["poll", ["WebSocket", "events"]]])
  test(`without ${blocked.join(" and ")} it goes by ${way}`, async () => {
    const node = await start();
    try {
      const boris = await node.register("boris"), anna = await node.register("anna");
      const room = await boris.room("Garden");
      await anna.join(room);
      const a = await person(node, { allow: [/WebSocket connection|Failed to load resource|ERR_FAILED/] });
      const calls = [];
      a.context.on("request", (r) => calls.push(new URL(r.url()).pathname));
      await a.context.addInitScript(() => {
        // What a proxy that knows no upgrades looks like from inside.
        const Real = WebSocket;
        globalThis.WebSocket = class extends Real {
          constructor(url, protocols) {
            super(url.replace("/ws", "/healthz"), protocols);
          }
        };
      });
      if (blocked.includes("events")) await a.context.route("**/api/v1/events**", (route) => route.abort());
      const page = await a.page();
      await enter(page, "anna");
      await openRoom(page, room);
      await page.waitForFunction(() => document.body.innerText.includes("Garden"));
      await until(() => calls.includes(way === "sse" ? "/api/v1/events" : "/api/v1/poll"), "the other way to be gone");
      await boris.say(room, "by the other way");
      await page.getByText("by the other way").last().waitFor();
      await composer(page).fill("and back");
      await composer(page).press("Enter");
      await until(async () => (await boris.history(room)).some((m) => m.text === "and back"), "the answer on the node");
      assert.equal((await boris.history(room)).filter((m) => m.text === "and back").length, 1);
      await a.close();
    } finally {
      await node.stop();
    }
  });
