// Nodes and people as the browser's tests have them: a node with the client that was built, people who come in by its door.
import { Node } from "../../integration/lib/node.mjs";

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
