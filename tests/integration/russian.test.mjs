// Who reads Russian is told in Russian what went wrong; programs and the log have English.
import { test } from "node:test";
import assert from "node:assert/strict";
import { Node, Socket, ok, problem, until } from "./lib/node.mjs";
import { Home } from "./lib/terminal.mjs";
import { Upstream } from "./lib/upstream.mjs";

const upstream = await Upstream.start();
const node = await Node.forFile({ args: ["--registration", "open", "--ai-base-url", upstream.url, "--ai-model", "m"] });
const owner = await node.register("owner", { owner_code: node.ownerCode });
const boris = await node.register("boris", { display_name: "Борис" });
const anna = await node.register("anna");
const russian = { "accept-language": "ru-RU,ru;q=0.9,en;q=0.8" };

test("a problem is in the language that is asked for, and so is /v1's", async () => {
  const body = { username: "anna", password: "wrong horse" };
  for (const [headers, words] of [[russian, /^неверное имя или пароль$/], [{ "accept-language": "en-US,ru;q=0.5" }, /^wrong username/], [{}, /^wrong username/]])
    problem(await node.call("POST", "/api/v1/auth/login", { body, headers }), 401, "unauthorized", words);
  const r = await anna.call("POST", "/v1/chat/completions", { model: "none", messages: [] }, { headers: russian });
  assert.equal(r.status, 400);
  assert.match(r.json.error.message, /messages/);
  problem(await anna.call("GET", "/api/v1/no-such-path", undefined, { headers: russian }), 404, "not_found", /^no such path$/);
});

test("an error frame is in the language of the socket", async () => {
  const room = await anna.room();
  for (const [headers, words] of [[russian, /^Писать здесь могут только участники/], [{}, /^Only members write here/]]) {
    const s = new Socket(node, { token: boris.token, headers });
    await s.welcome();
    await assert.rejects(s.say(room, "hello"), { message: words });
  }
});

test("a command answers in the language of who asks, on both transports", async () => {
  const room = await anna.room();
  const rest = (headers) => async (text) => ok(await anna.call("POST", `/api/v1/rooms/${room.id}/messages`, { text }, { headers }), 200).notice.text;
  const socket = async (headers) => {
    const s = new Socket(node, { token: anna.token, headers });
    await s.welcome();
    return async (text) => {
      const { ref } = await s.say(room, text);
      return s.frames.find((f) => f.type === "notice" && f.ref === ref).text;
    };
  };
  const english = { "accept-language": "en-GB,ru;q=0.5" };
  const asked = [
    ["/who", /of 1 are here/, /^Здесь \d из 1/],
    ["/frobnicate", /^There is no command/, /^Нет команды/],
    ["/ai", /^What is said here goes no farther/, /^Сказанное здесь уходит не дальше/],
    ["/ai again", /^There is no answer here yet/, /^Здесь ещё нет ни одного ответа/],
    ["/ai help", /^\/ai again \[model\] — another answer/m, /^\/ai again \[модель\] — другой ответ/m],
    ["/help", /^\/kick @user — put somebody out$/m, /^\/kick @имя — удалить из комнаты$/m],
    ["/topic Кошки", /^The topic: Кошки$/, /^Тема: Кошки$/],
  ];
  for (const [headers, which] of [[english, 1], [russian, 2]])
    for (const ask of [rest(headers), await socket(headers)]) for (const row of asked) assert.match(await ask(row[0]), row[which], row[0]);
  assert.doesNotMatch(await rest(english)("/help"), /[а-яё]/i);
  // A program that names no language: by its words, else by the name.
  assert.match(await rest({})("/who"), /are here/);
  assert.match(await rest({})("/кто"), /^Нет команды/);
});

test("a notice is in the language of the question or of the name that asks", async () => {
  ok(await owner.call("POST", "/api/v1/personas", { username: "guard", who_may_ask: { users: [] } }), 201);
  const room = await owner.room(undefined, { personas: ["guard"] });
  for (const [who, text, words] of [
    [anna, "guard, may I?", /^guard answers only people on a list\.$/],
    [anna, "guard, можно?", /^guard отвечает только тем, кто в списке\.$/],
    [boris, "guard, 2 + 2?", /^guard отвечает только тем, кто в списке\.$/],
  ]) {
    await who.join(room).catch(() => {});
    const s = await who.socket();
    await who.say(room, text);
    assert.match((await s.get("notice")).text, words);
  }
});

test("why an answer broke off is said in the asker's language, and logged in English", async () => {
  for (const [who, text, words] of [
    [anna, "Olga, hello", /^the model gave an empty answer$/],
    [anna, "Ольга, привет", /^модель дала пустой ответ$/],
  ]) {
    const room = await who.room(undefined, { personas: ["olga"] });
    const s = await who.socket();
    await who.say(room, text);
    const asked = await upstream.next();
    asked.begin().end();
    const { message } = await s.get("message.completed", (f) => f.message.room === room.id);
    assert.equal(message.state, "failed");
    assert.match(message.ai.reason, words);
  }
  await until(() => node.log.match(/reason="the model gave an empty answer"/g)?.length === 2, "both in the log");
});

test("why there is no more of what the node wrote when it died is in the language of the answer", async () => {
  const room = await boris.room(undefined, { personas: ["olga"] });
  for (const [text, words] of [["Half of an answer", "the node stopped meanwhile"], ["Половина ответа", "узел тем временем остановился"]]) {
    await boris.say(room, "olga, go on");
    const asked = await upstream.next();
    await asked.begin().say(text);
    await until(async () => (await boris.history(room)).at(-1).text === text, "what is kept");
    await node.kill();
    await node.boot();
    const last = await until(async () => {
      const m = (await boris.history(room)).at(-1);
      return m.state === "failed" && m;
    }, "its end");
    assert.deepEqual([last.text, last.ai.reason], [text, words]);
  }
});

test("the client asks for its own language, and has the node's reasons in it", async () => {
  const home = new Home(node);
  await home.ok("login", "anna", "--password-file", home.passwordFile);
  const { err } = await home.run("--language", "ru", "ask", "none", "привет");
  assert.match(err, /такой модели нет ни у одного провайдера/);
  const add = ["admin", "--data", node.data, "providers", "add", "gone", "http://127.0.0.1:1/v1"];
  await home.ok(...add);
  const check = ["admin", "--data", node.data, "providers", "check", "gone"];
  assert.match((await home.run("--language", "ru", ...check)).out, /^down: сервер ИИ недоступен$/m);
  assert.match((await home.run(...check)).out, /^down: the AI server can't be reached$/m);
});
