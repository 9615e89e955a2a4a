// Formulas: drawn by the browser's own MathML, also while an answer grows, and said as they were written to who copies them.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { Upstream } from "../integration/lib/upstream.mjs";
import { PHONE } from "./lib/browser.mjs";
import { messageWith, say, start, visit } from "./lib/door.mjs";
import { accessible, shoot } from "./lib/look.mjs";

const TEXT = String.raw`Euler: $e^{i\pi} + 1 = 0$, at $5 and $10.

$$\sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}, \qquad A = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}, \qquad |x| = \begin{cases} x & \text{if } x \ge 0 \\ -x & \text{otherwise} \end{cases}$$

| norm | of |
|--|--|
| $\|x\|$ | $x \in \mathbb{R}^n$ |

\[\begin{aligned} (a+b)^2 &= a^2 + 2ab + b^2 \\ (a-b)(a+b) &= a^2 - b^2 \end{aligned}\]`;

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const upstream = await Upstream.start();
await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url });

for (const [name, more] of [["wide", {}], ["phone-dark", { viewport: PHONE, colorScheme: "dark" }]])
  test(`a text with formulas, ${name}: axe finds nothing, and no policy is in the way`, async () => {
    const room = await anna.room(`Sums ${name}`);
    await anna.say(room, TEXT);
    const { who, page } = await visit(node, "anna", room, more);
    const message = messageWith(page, "Euler");
    await message.locator("math mfrac").first().waitFor();
    await until(async () => (await message.locator("math").count()) === 5, "all five");
    assert.equal(await page.evaluate(() => document.querySelector("math").namespaceURI), "http://www.w3.org/1998/Math/MathML");
    assert.match(await message.innerText(), /at \$5 and \$10\./);
    // Columns of aligned lines lean to each other.
    const [right, other] = await message.locator(".aligned mtd.r > mrow").evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().right));
    assert.ok(Math.abs(right - other) < 1, `${right} ${other}`);
    // Wider than a phone: the formula scrolls, not the page.
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await accessible(page, name);
    await shoot(page, `formulas-${name}`);
    await who.close();
  });

test("an answer's formula is text until it is whole", async () => {
  const room = await anna.room("Lab", { personas: ["olga"] });
  const { who, page } = await visit(node, "anna", room);
  await say(page, "@olga, who is the smallest?");
  const asked = await upstream.next();
  await asked.begin().say("It is \\(\\frac{1}");
  const answer = messageWith(page, "It is");
  await answer.getByText("It is (\\frac{1}").waitFor();
  await asked.say("{n}\\), surely.");
  await answer.locator("mfrac").waitFor();
  asked.end();
  await answer.getByText(", surely.").waitFor();
  await who.close();
});
