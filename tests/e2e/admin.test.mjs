// Administration in the browser: a provider of models, a persona, people, and what the node says of itself.
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { until } from "../integration/lib/node.mjs";
import { Upstream } from "../integration/lib/upstream.mjs";
import { person } from "./lib/browser.mjs";
import { enter, start } from "./lib/door.mjs";
import { accessible, shoot } from "./lib/look.mjs";

const node = await start({ args: ["--owner-code", "codecode"] });
after(() => node.stop());
const anna = await node.register("anna", { owner_code: "codecode" });
const upstream = await Upstream.start();

async function at(section, username = "anna", options) {
  const who = await person(node, options);
  const page = await who.page();
  await enter(page, username);
  await page.goto(`/admin/${section}`);
  await page.getByRole("main").waitFor();
  return { who, page };
}

test("a provider is added, refused where it is wrong, checked, and its key never comes back", async () => {
  const { who, page } = await at("providers", "anna", { allow: [/400/] });
  await page.getByRole("button", { name: "Add a provider" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("Not A Name");
  await dialog.getByLabel("Address").fill(upstream.url);
  await dialog.getByLabel("API key", { exact: true }).fill("sk-secret");
  await dialog.getByRole("button", { name: "Save and check" }).click();
  await dialog.getByText("must be 1 to 32 of").waitFor();
  assert.equal(await dialog.getByLabel("Name", { exact: true }).getAttribute("aria-invalid"), "true");
  await dialog.getByLabel("Name", { exact: true }).fill("scripted");
  await dialog.getByRole("button", { name: "Save and check" }).click();
  await page.getByText("It answers: 1 model.").waitFor();
  await page.getByText("listed-model").waitFor();
  await page.getByText("this machine").first().waitFor();

  await page.getByRole("button", { name: "Edit: scripted" }).click();
  assert.equal(await dialog.getByLabel("API key", { exact: true }).inputValue(), "");
  await dialog.getByLabel("API key", { exact: true }).getAttribute("placeholder").then((words) => assert.match(words, /There is one/));
  await dialog.getByLabel("Ask it when nobody says which").click();
  await dialog.getByRole("button", { name: "Save and check" }).click();
  await page.getByText("default", { exact: true }).waitFor();
  const { providers } = (await anna.call("GET", "/api/v1/providers")).json;
  assert.ok(providers[0].has_key && providers[0].is_default);

  await page.goto("/admin/models");
  await page.getByText("scripted/listed-model").waitFor();
  await who.close();
});

test("a persona is made, its names may not be another's", async () => {
  const { who, page } = await at("personas", "anna", { allow: [/409/] });
  await page.getByRole("button", { name: "New persona" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("User name", { exact: true }).fill("critic");
  await dialog.getByLabel("Name shown").fill("Критик");
  await dialog.getByLabel("Other names").fill("Olga");
  await dialog.getByLabel("What it is told").fill("You find faults.");
  await dialog.getByLabel("Who may ask").selectOption("users");
  await dialog.getByLabel("User names").fill("@anna");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.locator(".text-danger").first().waitFor();
  await dialog.getByLabel("Other names").fill("Критикан, Critic");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Критик" }).first().waitFor();
  const made = (await anna.call("GET", "/api/v1/personas")).json.personas.find((one) => one.username === "critic");
  assert.deepEqual(made.aliases, ["Критикан", "Critic"]);
  assert.deepEqual(made.who_may_ask, { users: ["anna"] });
  assert.equal(made.system_prompt, "You find faults.");
  await who.close();
});

for (const [colorScheme, locale, words] of [["light", "en-GB", "“Critic”: @olga is called by this name, and had it first."], ["dark", "ru-RU", "«Critic»: на это имя отзывается @olga, там оно раньше."]])
  test(`a name by which another is called is told where personas are listed and changed: ${locale}, ${colorScheme}`, async () => {
    const { who, page } = await at("users", "anna", { colorScheme, locale });
    // What nodes that were apart come to (tests/integration/mesh-answers.test.mjs), on one node.
    await page.route("**/api/v1/personas", async (route) => {
      const { personas } = await (await route.fetch()).json();
      for (const one of personas) if (one.username === "critic") one.taken = [{ name: "Critic", by: "olga" }];
      await route.fulfill({ json: { personas } });
    });
    await page.goto("/admin/personas");
    const card = page.getByRole("listitem").filter({ hasText: "@critic" });
    await card.getByText(words).waitFor();
    assert.equal(await page.getByText(words).count(), 1, "of nobody else");
    await accessible(page, `personas, ${locale}`);
    await shoot(page, `admin-personas-taken-${colorScheme}`);
    await card.getByRole("button").first().click();
    await page.getByRole("dialog").getByText(words).waitFor();
    await accessible(page, `a persona, ${locale}`);
    await shoot(page, `admin-persona-taken-${colorScheme}`);
    await who.close();
  });

test("people are found, made administrators, disabled", async () => {
  const boris = await node.register("boris");
  const { who, page } = await at("users");
  await page.getByPlaceholder("Find by name").fill("bor");
  await page.getByText("1 person", { exact: true }).waitFor();
  await page.getByRole("button", { name: "What to do with boris" }).click();
  await page.getByRole("menuitemradio", { name: "Administrator" }).click();
  await page.getByText("Administrator", { exact: true }).waitFor();
  await page.getByRole("button", { name: "What to do with boris" }).click();
  await page.getByRole("menuitem", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("disabled").waitFor();
  await until(async () => (await boris.call("GET", "/api/v1/me")).status === 401, "the end of boris' session");
  await who.close();
});

test("what waits for a model is seen and stopped; what was used is counted", async () => {
  const room = await anna.room("Lab", { personas: ["olga"] });
  await anna.say(room, "@olga first");
  (await upstream.next()).begin().say("Well,");
  const { who, page } = await at("jobs");
  await page.getByRole("button", { name: "Stop what anna asked" }).click();
  await page.getByText("Nobody waits for an answer").waitFor();
  await page.getByLabel("Ended").check();
  await page.getByText("stopped").waitFor();

  await anna.say(room, "@olga second");
  (await upstream.next()).begin().say("Yes.").then((asked) => asked.end());
  await until(async () => (await anna.call("GET", "/api/v1/usage?all=1")).json.totals.requests >= 2, "usage");
  await page.goto("/admin/usage");
  await page.getByRole("img", { name: /Tokens by day/ }).waitFor();
  await page.getByLabel("Model", { exact: true }).check();
  await page.getByRole("rowheader", { name: /scripted\// }).waitFor();
  await who.close();
});

test("health in numbers, a backup, the audit log", async () => {
  const { who, page } = await at("health");
  await page.getByText("Storage").waitFor();
  await page.getByText("95 % of calls within").waitFor();
  await page.getByRole("button", { name: "Make a backup" }).click();
  await page.getByText("The backup is made").waitFor();
  await page.goto("/admin/audit");
  await page.getByRole("listitem").filter({ hasText: "backup" }).getByText("Backup", { exact: true }).first().waitFor();
  await who.close();
});

test("who is no administrator is told so", async () => {
  await node.register("carl");
  const { who, page } = await at("users", "carl");
  await page.getByText("For administrators").waitFor();
  await who.close();
});

test("on a screen of 768 pixels a section has the width to itself", async () => {
  const { who, page } = await at("personas", "anna", { viewport: { width: 768, height: 900 } });
  await page.getByText("@olga").waitFor();
  assert.ok(await page.getByRole("main").evaluate((main) => main.clientWidth > 450 && main.scrollWidth <= main.clientWidth));
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByRole("heading", { name: "Health" }).first().waitFor();
  await who.close();
});

test("a section that could not be asked for is asked for again when the node is back", async () => {
  const { who, page } = await at("users", "anna", { allow: [/ERR_INTERNET_DISCONNECTED|ERR_FAILED|fetching the script/] });
  await page.getByText("@anna").first().waitFor();
  await who.context.setOffline(true);
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("main").getByRole("button", { name: "Try again" }).waitFor();
  await who.context.setOffline(false);
  await page.getByRole("main").getByText("New account", { exact: true }).first().waitFor();
  await who.close();
});
