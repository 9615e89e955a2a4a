// Every screen in both themes, sizes and languages: pictures to be looked at, nothing for axe to find, no word left untranslated.
import { after, test } from "node:test";
import { Upstream } from "../integration/lib/upstream.mjs";
import { person, PHONE, WIDE } from "./lib/browser.mjs";
import { enter, messageWith, start } from "./lib/door.mjs";
import { accessible, rest, shoot } from "./lib/look.mjs";
import { worded } from "./lib/words.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode", display_name: "Анна Белова" });
const boris = await node.register("boris", { display_name: "Boris Okafor" });
const upstream = await Upstream.start();
upstream.serve((asked) =>
  asked.begin().say("The answer has two parts:\n\n1. **A list**, and\n2. a `code` block:\n\n", "```c\nint main(void)\n{\n    return 0;\n}\n```\n\n", "| Readers | before | after |\n| --- | ---: | ---: |\n| 100 | 9 ms | 1.1 ms |\n| 10000 | 1840 ms | 7.9 ms |\n").then((one) => one.end()),
);
await anna.call("POST", "/api/v1/providers", { name: "scripted", kind: "openai", base_url: upstream.url });
await anna.call("POST", "/api/v1/me/keys", { name: "a bot of mine", scopes: ["ai", "chat"], tokens_per_day: 100000 });
await anna.call("POST", "/api/v1/invites", { uses: 5 });
const kitchen = await anna.room("Kitchen", { topic: "soup, and what else there is", personas: ["olga"] });
await anna.room("core-server", { visibility: "private" });
await boris.join(kitchen);
await anna.call("POST", "/api/v1/rooms", { kind: "direct", members: ["boris"] });
await anna.say(kitchen, "Good morning! Who cooks today?");
const asked = await boris.say(kitchen, "I do. @anna, what is *missing*?\n\n- potatoes\n- salt\n- [a recipe](https://example.org/soup)");
await anna.say(kitchen, "Nothing, I think: the list in `soup.md` is complete.", { reply_to: asked.id });
await anna.say(kitchen, "@olga, how long does it take?");

const screens = {
  login: ["/login", false],
  home: ["/"],
  room: [`/r/${kitchen.id}`],
  browse: ["/browse"],
  search: ["/search?q=soup"],
  settings: ["/settings"],
  ...Object.fromEntries(["profile", "appearance", "notifications", "shortcuts", "sessions", "keys", "node"].map((id) => [`settings-${id}`, [`/settings/${id}`]])),
  ...Object.fromEntries(["users", "invites", "rooms", "providers", "models", "personas", "jobs", "usage", "health", "audit"].map((id) => [`admin-${id}`, [`/admin/${id}`]])),
  nothing: ["/nowhere/at/all"],
};

/** What the people of this test have called and written; the rest of a screen is the client's own. */
const GIVEN = /Kitchen|core-server|Boris Okafor|Lounge|[Oo]l(ga|ya)|I do\..*|scripted|openai|listed-model|a bot of mine|boris|anna|\bnode\b|soup, and what else there is|Nothing, I think: the list in|\.md is complete\.|- potatoes.*|soup|Mozilla.*|https?:\/\/\S+|[0-9a-f-]{36}/g;

for (const [size, viewport, spoken] of [["wide", WIDE, { light: "en-GB", dark: "ru-RU" }], ["phone", PHONE, { light: "ru-RU", dark: "en-GB" }]])
  for (const [colorScheme, locale] of Object.entries(spoken))
    test(`${size}, ${colorScheme}, ${locale}`, async (t) => {
      const who = await person(node, { viewport, colorScheme, locale, hasTouch: size === "phone", isMobile: size === "phone" });
      const page = await who.page();
      let isIn = false;
      for (const [name, [path, inside = true]] of Object.entries(screens))
        await t.test(name, async () => {
          if (inside && !isIn) await enter(page, "anna");
          isIn ||= inside;
          await page.goto(path);
          await rest(page);
          if (name === "room") await messageWith(page, "The answer has two parts").waitFor();
          await shoot(page, `${name}-${size}-${colorScheme}`);
          await accessible(page, `${name}, ${size}, ${colorScheme}`);
          await worded(page, locale.slice(0, 2), `${name}, ${size}, ${locale}`, GIVEN);
        });
      await who.close();
    });
