// The pictures of the README and the guide, taken of the client as it is: docs/images/NAME.png.
//
// What is said in them stands in the plays beside this file, one for each language. Times count back from now.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { person, PHONE } from "../lib/browser.mjs";
import { messageWith } from "../lib/door.mjs";
import { settle } from "../lib/look.mjs";
import { quantised } from "./png.mjs";
import { Stage } from "./stage.mjs";
import en from "./play_en.mjs";
import ru from "./play_ru.mjs";

const folder = fileURLToPath(new URL("../../../docs/images", import.meta.url));
const LARGEST = 150 * 1024;
/** The narrowest window with all three columns: letters stay readable where a page makes the picture smaller. */
const DESK = { width: 1280, height: 800 };

async function shoot(page, name) {
  await page.waitForFunction(() => !document.querySelector(".skeleton"));
  await settle(page);
  await page.waitForTimeout(300); // what is drawn when the browser has nothing else to do, such as the colours of code
  const png = quantised(await page.screenshot());
  console.log(`${name}.png: ${png.length} bytes`);
  if (png.length > LARGEST) throw new Error(`${name}.png is larger than ${LARGEST} bytes`);
  writeFileSync(join(folder, `${name}.png`), png);
}

/** In the pictures it is early in the evening, whenever they are taken. */
const ahead = ((19 - new Date().getUTCHours() + 36) % 24) - 12;
const timezoneId = `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`; // the sign is the other way round in these names

const phone = { viewport: PHONE, hasTouch: true, isMobile: true };

async function take(play, { language, locale, wide, small }) {
  const stage = await Stage.open(play);
  const rooms = await play.set(stage);
  await stage.here("boris");
  const about = { locale, timezoneId };

  const desk = await stage.browser({ ...about, viewport: DESK, colorScheme: wide });
  await stage.open(desk.page, rooms.talk);
  await stage.composer(desk.page).blur();
  await stage.say(play.question.who, rooms.talk, play.question.text);
  await stage.growing(play.question.answer, play.question.thoughts);
  await messageWith(desk.page, play.question.seen).waitFor();
  await shoot(desk.page, `room-${language}`);

  await desk.page.keyboard.press("Control+k");
  await desk.page.getByRole("dialog").waitFor();
  await desk.page.keyboard.type(play.sought);
  await shoot(desk.page, `palette-${language}`);
  await desk.page.keyboard.press("Escape");

  await desk.page.goto(`/r/${rooms.talk.id}?p=details`);
  await messageWith(desk.page, play.question.seen).waitFor();
  await shoot(desk.page, `details-${language}`);
  await desk.who.close();

  const pocket = await stage.browser({ ...about, ...phone, colorScheme: small });
  await pocket.page.goto("/");
  await shoot(pocket.page, `list-${language}`);
  await stage.open(pocket.page, rooms.dialog);
  await stage.composer(pocket.page).blur();
  await shoot(pocket.page, `phone-${language}`);
  await pocket.who.close();

  const stranger = await person(stage.node, { ...about, ...phone, colorScheme: small, serviceWorkers: "block" });
  const door = await stranger.page();
  await door.goto("/login");
  await door.locator("input[name=username]").waitFor();
  await shoot(door, `door-${language}`);
  await stranger.close();
  await stage.stop();
}

test("in English", () => take(en, { language: "en", locale: "en-GB", wide: "light", small: "dark" }));
test("in Russian", () => take(ru, { language: "ru", locale: "ru-RU", wide: "dark", small: "light" }));
