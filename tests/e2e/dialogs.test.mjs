// What opens over a screen, in both languages: nothing for axe to find there either, and the focus comes back.
import { after, test } from "node:test";
import { until } from "../integration/lib/node.mjs";
import { person, PHONE, WIDE } from "./lib/browser.mjs";
import { composer, enter, openRoom, start } from "./lib/door.mjs";
import { accessible, rest, shoot } from "./lib/look.mjs";
import { worded } from "./lib/words.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode", display_name: "Анна Белова" });
const boris = await node.register("boris");
const kitchen = await anna.room("Кухня", { personas: ["olga"] });
await boris.join(kitchen);

const GIVEN = /Ol(ga|ya)|Lounge|boris|openai/g; // what the people of this test and the node have called
const words = {
  en: { provider: "Add a provider", persona: "New persona", key: "New key" },
  ru: { provider: "Добавить провайдера", persona: "Новый персонаж", key: "Новый ключ" },
};
for (const [language, locale, viewport, colorScheme] of [["en", "en-GB", WIDE, "light"], ["ru", "ru-RU", WIDE, "dark"], ["ru", "ru-RU", PHONE, "light"]])
  test(`${language}, ${viewport.width} wide, ${colorScheme}`, async () => {
    const say = words[language], tag = `${language}-${viewport === WIDE ? "wide" : "phone"}-${colorScheme}`;
    const who = await person(node, { locale, viewport, colorScheme });
    const page = await who.page();
    await enter(page, "anna");
    for (const [path, name, id] of [["/admin/providers", say.provider, "provider"], ["/admin/personas", say.persona, "persona"], ["/settings/keys", say.key, "key"]]) {
      await page.goto(path);
      const button = page.getByRole("button", { name });
      await button.click();
      await page.getByRole("dialog").waitFor();
      await shoot(page, `dialog-${id}-${tag}`);
      await accessible(page, `${id}, ${tag}`);
      await worded(page, language, `${id}, ${tag}`, GIVEN);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await until(() => button.evaluate((el) => el === document.activeElement), `the focus to come back to ${name}`);
    }
    await openRoom(page, kitchen);
    for (const panel of ["details", "members", "settings"]) {
      await page.goto(`/r/${kitchen.id}?p=${panel}`);
      await page.locator("aside, dialog[open]").first().waitFor();
      await rest(page);
      await shoot(page, `panel-${panel}-${tag}`);
      await accessible(page, `${panel}, ${tag}`);
      await worded(page, language, `${panel}, ${tag}`, GIVEN);
    }
    await openRoom(page, kitchen);
    await composer(page).fill("@");
    await page.getByRole("option").first().waitFor();
    await shoot(page, `mention-${tag}`);
    await accessible(page, `mention, ${tag}`);
    await composer(page).fill("");
    await page.keyboard.press("Control+K");
    await page.getByRole("dialog").waitFor();
    await shoot(page, `palette-${tag}`);
    await accessible(page, `palette, ${tag}`);
    await worded(page, language, `palette, ${tag}`, GIVEN);
    await who.close();
  });
