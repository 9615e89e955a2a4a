// Nodes and people as the browser's tests have them: a node with the client that was built, people who come in by its door.
import { Node, until } from "../../integration/lib/node.mjs";
import { person } from "./browser.mjs";

export const PASSWORD = "correct horse";

/** A node for a test. WEB_DIR: the client from there instead of the one in the program, while developing. */
export function start({ args = [], ...more } = {}) {
  return Node.start({ args: [...args, ...(process.env.WEB_DIR ? ["--web-dir", process.env.WEB_DIR] : [])], ...more });
}

/** Through the door with a name and a password; ends where the rooms are. */
export async function enter(page, username, password = PASSWORD) {
  await page.goto("/login");
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await page.locator("form button[type=submit]").click();
  await inside(page);
}

/** The shell is there. */
export const inside = (page) => page.waitForFunction(() => !location.pathname.startsWith("/login") && document.querySelector("[data-landmark]"));

/** A room's conversation is there and can be written in. */
export async function openRoom(page, room) {
  await page.goto(`/r/${room.id}`);
  await composer(page).waitFor();
}
/** A browser of theirs, with a tab in that room. */
export async function visit(node, username, room, options) {
  const who = await person(node, options);
  const page = await who.page();
  await enter(page, username);
  await openRoom(page, room);
  return { who, page };
}
/** A browser of theirs, with two tabs in that room. */
export async function visitTwice(node, username, room, options) {
  const { who, page: one } = await visit(node, username, room, options);
  const two = await who.page();
  await openRoom(two, room);
  return { who, one, two };
}
export const composer = (page) => page.locator("textarea[data-composer]");
/** What ends an answer that one has asked for. */
export const stopping = (page) => page.locator(".composer").getByRole("button", { name: "Stop" });
export const messages = (page) => page.getByRole("log").getByRole("article");
export const messageWith = (page, hasText) => messages(page).filter({ hasText });

/** Written and sent with Enter. */
export async function say(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** So much stands in the field where one writes. */
export const written = (page, text) => page.waitForFunction((wanted) => document.querySelector("[data-composer]")?.value === wanted, text);
/** The caret is where one writes. */
export const writing = (page) => page.waitForFunction(() => document.activeElement.matches("[data-composer]"));
/** The page hears what happens on the node. */
export const online = (page) => page.getByText("Connected", { exact: true }).waitFor();
/** The client's worker is active and holds this page: from here on pages come without the node. */
export const worked = (page) => page.waitForFunction(() => navigator.serviceWorker?.controller?.state === "activated");

/** The browser has these words on its disk: a draft, a message, the name of a room. What is seen may be on its way there. */
export async function stored(page, ...texts) {
  for (const text of texts) await until(() => page.evaluate(isStored, text), `“${text}” on the disk`);
}
async function isStored(text) {
  const done = (request) => new Promise((ok, no) => {
    request.onsuccess = () => ok(request.result);
    request.onerror = () => no(request.error);
  });
  for (const { name } of await indexedDB.databases()) {
    const base = await done(indexedDB.open(name));
    try {
      for (const store of base.objectStoreNames) if (JSON.stringify(await done(base.transaction(store).objectStore(store).getAll())).includes(text)) return true;
    } finally {
      base.close();
    }
  }
  return false;
}
