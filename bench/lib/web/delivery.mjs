// From one person's Enter to the other's screen.
import { settled, visitor } from "./browser.mjs";
import { quantile } from "./thread.mjs";

/** Runs in the page of who reads: the time of the frame after the one in which the text is there. */
function seeing(text) {
  return new Promise((done) => {
    const log = document.querySelector(".log");
    const there = () => [...log.querySelectorAll(".message")].slice(-3).some((row) => row.textContent.includes(text));
    const watch = new MutationObserver(() => {
      if (!there()) return;
      watch.disconnect();
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel(); // its message comes after the frame
        port1.onmessage = () => done(Date.now());
        port2.postMessage(0);
      });
    });
    watch.observe(log, { childList: true, subtree: true, characterData: true });
  });
}

export async function delivery(world, count) {
  const one = await visitor(world.browser, world.node, "anna"), other = await visitor(world.other, world.node, "boris");
  try {
    await settled(one.page, world.hallway.id);
    await settled(other.page, world.hallway.id);
    await one.page.evaluate(() => addEventListener("keydown", (e) => {
      if (e.key === "Enter") globalThis.pressed = Date.now() - (performance.now() - e.timeStamp);
    }, true));
    const took = [];
    for (let i = 0; i < count; i++) {
      const text = `are you there, ${Date.now()}-${i}`;
      await one.page.fill("textarea[data-composer]", text);
      const seen = other.page.evaluate(seeing, text);
      await one.page.keyboard.press("Enter");
      took.push((await seen) - (await one.page.evaluate(() => pressed)));
      await one.page.waitForTimeout(50);
    }
    return { p50_ms: quantile(took, 0.5), p95_ms: quantile(took, 0.95), max_ms: Math.max(...took), messages: count };
  } finally {
    await one.close();
    await other.close();
  }
}
