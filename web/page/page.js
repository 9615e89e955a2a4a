// The page the node carries: come in, read, write, watch an answer grow.
// Text is only ever set as text; nothing comes from elsewhere.

const words = {
  en: {
    username: "User name", password: "Password", display_name: "Name others see", invite: "Invite code",
    login: "Log in", register: "Make an account", to_login: "I have an account", to_register: "I have no account",
    owner: "This node is new. Make the owner's account.", invited: "You are invited. Make an account.",
    reset: "Choose a new password.", reset_go: "Set the password", hello: "People and AI in the same rooms.",
    logout: "Log out", send: "Send", new_room: "New room", say: "Message", stop: "Stop", deleted: "deleted",
    edited: "edited", online: "", offline: "No connection, trying again…", failed: "broke off", stopped: "stopped",
    pick: "Choose a room.", older: "Earlier messages", open_rooms: "Open rooms", join: "Join",
    invite_go: "Invite somebody", invite_link: "This link makes one account:", left: "someone who left",
    again: "Again", thinking: "Thinking…", thought: "Thoughts", length: "as long as an answer may be",
    omitted: { one: "# earlier message not included", other: "# earlier messages not included" },
    next: "next in line", waits: { one: "#st in line", two: "#nd in line", few: "#rd in line", other: "#th in line" },
    this_node: "this node", own_node: "own node", own_worker: "own worker", lan: "local network", cloud: "cloud",
    limit: "limit", no_ai: "no AI here", down: "does not answer", too_far: "farther than this room allows", missing: "no model",
    before: "The answer before", after: "The next answer",
  },
  ru: {
    username: "Имя пользователя", password: "Пароль", display_name: "Имя для других", invite: "Код приглашения",
    login: "Войти", register: "Создать учётную запись", to_login: "У меня есть учётная запись", to_register: "У меня нет учётной записи",
    owner: "Узел новый. Создайте учётную запись владельца.", invited: "Вас пригласили. Создайте учётную запись.",
    reset: "Выберите новый пароль.", reset_go: "Сменить пароль", hello: "Люди и ИИ в одних комнатах.",
    logout: "Выйти", send: "Отправить", new_room: "Новая комната", say: "Сообщение", stop: "Остановить", deleted: "удалено",
    edited: "изменено", online: "", offline: "Нет связи, пробуем снова…", failed: "оборвалось", stopped: "остановлено",
    pick: "Выберите комнату.", older: "Более ранние сообщения", open_rooms: "Открытые комнаты", join: "Войти",
    invite_go: "Пригласить", invite_link: "Ссылка на одну учётную запись:", left: "ушедший участник",
    again: "Ещё раз", thinking: "Думает…", thought: "Размышления", length: "длиннее ответ быть не может",
    omitted: { one: "не вошло # более раннее сообщение", few: "не вошли # более ранних сообщения", other: "не вошло # более ранних сообщений" },
    next: "на очереди", waits: { other: "#-й вопрос в очереди" },
    this_node: "этот узел", own_node: "свой узел", own_worker: "свой исполнитель", lan: "локальная сеть", cloud: "облако",
    limit: "предел", no_ai: "ИИ здесь выключен", down: "не отвечает", too_far: "дальше, чем разрешает комната", missing: "нет модели",
    before: "Предыдущий ответ", after: "Следующий ответ",
  },
};
const lang = navigator.language?.startsWith("ru") ? "ru" : "en";
const t = (key) => words[lang][key];
/** A word that goes with a number, which stands where it has "#". */
function counted(key, n, type = "cardinal") {
  const forms = t(key);
  return (forms[new Intl.PluralRules(lang, { type }).select(n)] ?? forms.other).replace("#", n);
}
const $ = (id) => document.getElementById(id);
document.documentElement.lang = lang;
for (const el of document.querySelectorAll("[data-t]")) el.textContent = t(el.dataset.t);

let token, me, socket, cursor, retry = 0, renewal;
let current = null;            // id of the room on screen
const rooms = new Map();       // id -> room
let open = [];                 // public rooms one isn't in
const shown = new Map();       // message id -> {message, node}
const growing = new Map();     // message id -> {run, text, reasoning, bytes} of answers that grow, in any room
const waiting = new Map();     // job id -> job, of questions that had to wait
const thoughts = new Map();    // message id and run -> what the model thought before it spoke; nobody else keeps it

// ---- the API ----

async function call(method, path, body) {
  const r = await fetch(path, {
    method,
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const answer = r.status === 204 ? null : await r.json().catch(() => ({}));
  if (!r.ok) throw Object.assign(new Error(answer.detail || answer.title || r.statusText), { status: r.status });
  return answer;
}

function enter(login) {
  token = login.access_token;
  me = login.user;
  localStorage.setItem("known", "1"); // there may be a cookie worth trying next time
  clearTimeout(renewal);
  renewal = setTimeout(renew, Math.max(30, login.expires_in - 60) * 1000);
}

async function renew() {
  try {
    enter(await call("POST", "/api/v1/auth/refresh", { cookie: true }));
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "auth", token }));
    return true;
  } catch (e) {
    if (e.status >= 400 && e.status < 500) { location.reload(); return false; }
    renewal = setTimeout(renew, 10000);
    return false;
  }
}

// ---- the door ----

const link = new URLSearchParams(location.hash.slice(1));
let joining = link.has("owner") || link.has("invite");

function showDoor() {
  const reset = link.has("reset");
  $("door").hidden = false;
  $("house").hidden = true;
  $("door-form").classList.toggle("joining-now", joining && !reset);
  $("door-hint").textContent = t(reset ? "reset" : link.has("owner") ? "owner" : link.has("invite") ? "invited" : "hello");
  $("door-go").textContent = t(reset ? "reset_go" : joining ? "register" : "login");
  $("door-other").textContent = t(joining ? "to_login" : "to_register");
  $("door-other").hidden = reset;
  const f = $("door-form").elements;
  f.invite.closest("label").hidden = link.has("owner");
  f.username.closest("label").hidden = reset;
  f.username.required = !reset;
  f.password.autocomplete = joining || reset ? "new-password" : "current-password";
  if (link.get("invite")) f.invite.value = link.get("invite");
}

$("door-other").onclick = () => { joining = !joining; showDoor(); };
$("door-form").onsubmit = async (ev) => {
  ev.preventDefault();
  const f = ev.target.elements;
  const who = { username: f.username.value.trim(), password: f.password.value, cookie: true };
  $("door-error").textContent = "";
  $("door-go").disabled = true;
  try {
    if (link.has("reset")) {
      await call("POST", "/api/v1/auth/reset", { code: link.get("reset"), password: f.password.value });
      history.replaceState(null, "", "/");
      link.delete("reset");
      showDoor();
      return;
    }
    if (joining) {
      if (f.display_name.value.trim()) who.display_name = f.display_name.value.trim();
      if (link.has("owner")) who.owner_code = link.get("owner");
      else if (f.invite.value.trim()) who.invite = f.invite.value.trim();
    }
    enter(await call("POST", joining ? "/api/v1/auth/register" : "/api/v1/auth/login", who));
    history.replaceState(null, "", "/");
    await showHouse();
  } catch (e) {
    $("door-error").textContent = e.message;
  } finally {
    $("door-go").disabled = false;
  }
};

// ---- the house ----

async function showHouse() {
  $("door").hidden = true;
  $("house").hidden = false;
  $("me").textContent = me.display_name;
  $("new-room").elements.name.placeholder = t("new_room");
  $("say").elements.text.placeholder = t("say");
  await loadRooms();
  connect();
  await openFirst();
}

async function openFirst() {
  const first = [...rooms.values()][0];
  if (!current && first && matchMedia("(min-width: 40rem)").matches) await openRoom(first.id);
}

async function loadRooms() {
  rooms.clear();
  for (const r of (await call("GET", "/api/v1/rooms")).rooms) rooms.set(r.id, r);
  open = (await call("GET", "/api/v1/rooms/public")).rooms.filter((r) => !rooms.has(r.id));
  drawRooms();
}

function drawRooms() {
  $("rooms").replaceChildren(...[...rooms.values()].map((r) => {
    const li = document.createElement("li"), b = document.createElement("button"), n = document.createElement("span");
    n.textContent = r.name || r.members?.filter((m) => m !== me.username).join(", ") || "…";
    b.append(n);
    if (r.unread && r.id !== current) b.append(Object.assign(document.createElement("b"), { textContent: r.unread }));
    if (r.id === current) b.setAttribute("aria-current", "true");
    b.onclick = () => openRoom(r.id);
    li.append(b);
    return li;
  }));
  if (open.length) $("rooms").append(Object.assign(document.createElement("li"), { textContent: t("open_rooms"), className: "head" }));
  for (const r of open) {
    const li = document.createElement("li"), b = document.createElement("button");
    b.append(r.name, Object.assign(document.createElement("b"), { textContent: t("join") }));
    b.onclick = async () => {
      await call("POST", `/api/v1/rooms/${r.id}/join`);
      await loadRooms();
      await openRoom(r.id);
    };
    li.append(b);
    $("rooms").append(li);
  }
}

async function openRoom(id) {
  current = id;
  $("house").classList.add("in-room");
  $("title").textContent = rooms.get(id).name;
  $("where").textContent = "";
  shown.clear();
  $("log").replaceChildren();
  drawRooms();
  drawWaiting();
  look();
  await page("");
  $("log").scrollTop = $("log").scrollHeight;
  seen();
  $("say").elements.text.focus();
}

/** Who answers in the room on screen, and where its text goes. */
async function look() {
  const id = current;
  const room = id && await call("GET", `/api/v1/rooms/${id}`).catch(() => null);
  if (!room || id !== current) return;
  rooms.get(id).personas = room.personas;
  const each = room.personas.map((p) => {
    const to = p.state === "up" ? place(p.destination) : t(p.state);
    return `${p.display_name} → ${to}${p.model && ` (${p.model})`}`;
  });
  $("where").textContent = !room.ai.allowed ? t("no_ai") : each.length ? [...each, `${t("limit")}: ${place(room.ai.destination)}`].join(" · ") : "";
  drawWaiting();
}

/** A destination in words: "cloud:api.example.com" is "cloud: api.example.com". */
function place(destination) {
  const [kind, ...rest] = destination.split(":");
  return [t(kind) ?? kind, ...(rest.length ? [rest.join(":")] : [])].join(": ");
}

function drawWaiting() {
  const here = [...waiting.values()].filter((j) => j.room === current && j.state === "queued" && j.position).sort((a, b) => a.position - b.position);
  $("waiting").replaceChildren(...here.map((j) => {
    const li = document.createElement("li");
    const name = rooms.get(current)?.personas?.find((p) => p.username === j.persona)?.display_name ?? j.persona;
    li.append(`${name}: ${j.position === 1 ? t("next") : counted("waits", j.position, "ordinal")}`);
    if (mayStop(j.asked_by)) li.append(" ", button(t("stop"), () => stop(j.id)));
    return li;
  }));
}

const mayStop = (asker) => asker === me.username || ["owner", "moderator"].includes(rooms.get(current)?.role);
const stop = (id) => socket?.send(JSON.stringify({ type: "stop", message_id: id }));

function button(text, onclick, label) {
  const b = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text, onclick });
  if (label) b.setAttribute("aria-label", label);
  return b;
}

/** A call of a button: what goes wrong stands below the room. */
async function press(method, path, body) {
  $("room-error").textContent = "";
  await call(method, path, body).catch((e) => ($("room-error").textContent = e.message));
}

async function page(before) {
  const room = current, log = $("log");
  const { messages, has_more } = await call("GET", `/api/v1/rooms/${room}/messages?limit=50${before && `&before=${before}`}`);
  if (room !== current) return;
  const height = log.scrollHeight;
  log.querySelector(".more")?.remove();
  const nodes = messages.filter((m) => !shown.has(m.id)).map((m) => node(m));
  if (has_more) {
    const li = document.createElement("li"), b = document.createElement("button");
    li.className = "more";
    b.className = "quiet";
    b.textContent = t("older");
    b.onclick = () => page(messages[0].id);
    li.append(b);
    nodes.unshift(li);
  }
  log.prepend(...nodes);
  for (const m of messages) quote(m.id);
  if (before) log.scrollTop += log.scrollHeight - height;
}

function node(m) {
  const li = document.createElement("li"), head = document.createElement("small"), p = document.createElement("p");
  const think = document.createElement("details"), foot = document.createElement("small"), re = document.createElement("small");
  think.append(document.createElement("summary"), document.createElement("p"));
  re.className = "re";
  re.hidden = true;
  li.append(head, re, think, p, foot);
  shown.set(m.id, { message: m, node: li });
  draw(m.id);
  return li;
}

/** What it answers, unless that stands right above. */
function quote(id) {
  const { message: m, node: li } = shown.get(id), to = m.reply_to && shown.get(m.reply_to), re = li.children[1];
  re.hidden = !to || m.deleted || li.previousElementSibling === to.node;
  re.textContent = to ? `↳ ${to.message.sender.display_name || t("left")}: ${to.message.deleted ? t("deleted") : to.message.text}` : "";
}

function draw(id) {
  const { message: m, node: li } = shown.get(id);
  const [head, , , , foot] = li.children;
  li.className = m.deleted ? "gone" : m.kind === "notice" ? "notice" : m.sender.kind === "persona" ? "ai" : "";
  const time = new Date(m.created_at).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
  const broken = m.state === "failed" || m.state === "stopped", reason = m.ai?.reason === "length" ? t("length") : m.ai?.reason;
  const marks = [m.edited_at && t("edited"), broken && (reason ? `${t(m.state)}: ${reason}` : t(m.state))].filter(Boolean);
  head.textContent = [m.sender.display_name || t("left"), time, ...marks].join(" · ");
  foot.replaceChildren(...(m.ai && !m.deleted ? about(m) : []));
  drawText(id);
}

/** What grows: apart from the rest, so that a button stays under the finger while it does. */
function drawText(id) {
  const { message: m, node: li } = shown.get(id), g = growing.get(id);
  const [, , think, p] = li.children, thought = (!m.deleted && (g ? g.reasoning : thoughts.get(id + run(m)))) || "";
  const text = m.state === "streaming" ? g?.text || m.text || (thought ? "" : "…") : m.text;
  p.textContent = m.deleted ? t("deleted") : m.kind === "action" ? `* ${m.sender.display_name || t("left")} ${text}` : text;
  p.hidden = !p.textContent;
  think.hidden = !thought;
  think.firstChild.textContent = t(m.state === "streaming" && !text ? "thinking" : "thought");
  think.lastChild.textContent = thought;
}

/** The line under an answer: by which model, where the text went, what can be done about it. */
function about(m) {
  const { model, destination, omitted_messages: omitted, asked_by } = m.ai, may = mayStop(asked_by);
  if (m.state === "streaming") return may ? [button(t("stop"), () => stop(m.id))] : [];
  const words = [model, destination && place(destination), omitted && counted("omitted", omitted)].filter(Boolean).join(" · ");
  const flip = (n) => press("PUT", `/api/v1/messages/${m.id}/chosen`, { n }), line = [];
  if (m.alternatives) {
    const { count, chosen } = m.alternatives;
    const back = button("‹", () => flip(chosen - 1), t("before")), on = button("›", () => flip(chosen + 1), t("after"));
    back.disabled = !may || chosen === 0;
    on.disabled = !may || chosen === count - 1;
    line.push(back, `${chosen + 1}/${count}`, on, " ");
  }
  line.push(Object.assign(document.createElement("span"), { textContent: words }));
  if (may) line.push(" ", button(t("again"), () => press("POST", `/api/v1/messages/${m.id}/regenerate`, {})));
  return line;
}

function isAtEnd() {
  const log = $("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function put(m) {
  const log = $("log"), bottom = isAtEnd();
  if (shown.has(m.id)) {
    shown.get(m.id).message = { ...shown.get(m.id).message, ...m };
    draw(m.id);
    for (const [id, s] of shown) if (id === m.id || s.message.reply_to === m.id) quote(id);
  } else {
    const next = [...shown.values()].filter((s) => s.message.id > m.id).sort((a, b) => (a.message.id < b.message.id ? -1 : 1))[0];
    const li = node(m);
    if (next) next.node.before(li);
    else log.append(li); // after notices, too, which are no messages
    quote(m.id);
  }
  if (bottom) log.scrollTop = log.scrollHeight;
}

function seen() {
  const last = [...shown.keys()].sort().pop();
  const room = rooms.get(current);
  if (!last || !room || document.hidden) return;
  room.unread = 0;
  drawRooms();
  call("POST", `/api/v1/rooms/${current}/read`, { message_id: last }).catch(() => {});
}

// ---- live ----

function connect() {
  const s = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws`, "neuralchat.v1");
  socket = s;
  s.onopen = () => s.send(JSON.stringify({ type: "hello", token, ...(cursor && { since: cursor }) }));
  s.onmessage = (ev) => heard(JSON.parse(ev.data));
  s.onclose = async (ev) => {
    if (socket !== s) return;
    $("state").textContent = t("offline");
    if (ev.code === 4401 && !(await renew())) return;
    setTimeout(connect, Math.min(30000, 500 * 2 ** retry++) * (0.5 + Math.random()));
  };
}

async function heard(e) {
  if (e.cursor) cursor = e.cursor;
  switch (e.type) {
    case "welcome": retry = 0; $("state").textContent = t("online"); growing.clear(); await loadWaiting(); break;
    case "resync": await loadRooms(); if (current) await openRoom(current); break;
    case "message.created": case "message.updated": case "message.completed": case "message.deleted": arrived(e); break;
    case "message.delta": grow(e); break;
    case "room.created": case "room.updated": case "room.deleted": case "member.joined": case "member.left": await loadRooms(); await openFirst(); look(); break;
    case "job.updated": waiting.set(e.job.id, e.job); drawWaiting(); break;
    case "notice": if (!e.room || e.room === current) note(e.text); break;
    case "error": $("room-error").textContent = e.detail || e.code; break;
    case "ack": $("room-error").textContent = ""; break;
  }
}

async function loadWaiting() {
  waiting.clear();
  const { jobs } = await call("GET", "/api/v1/jobs?state=queued").catch(() => ({ jobs: [] }));
  for (const j of jobs) if (!waiting.has(j.id)) waiting.set(j.id, j); // what was heard meanwhile is newer
  drawWaiting();
}

function arrived(e) {
  const m = e.message, room = rooms.get(m.room), g = growing.get(m.id);
  if (m.state !== "streaming") {
    if (g?.reasoning) thoughts.set(m.id + g.run, g.reasoning);
    growing.delete(m.id);
  } else if (!g || run(m) > g.run) {
    growing.set(m.id, begin(run(m)));
  }
  if (m.room === current) {
    put(m);
    seen();
  } else if (room && e.type === "message.created" && m.sender.id !== me.id) {
    room.unread = (room.unread || 0) + 1;
    drawRooms();
  }
}

const run = (m) => m.alternatives?.chosen ?? 0;
const begin = (run) => ({ run, text: "", reasoning: "", bytes: { text: 0, reasoning: 0 } });

/** A higher run replaces what was shown; a piece that does not fit is left out, the whole comes at the end. */
function grow(e) {
  let g = growing.get(e.message_id);
  if (g && e.run < g.run) return;
  if (!g || e.run > g.run) growing.set(e.message_id, (g = begin(e.run)));
  if (e.snapshot) {
    g[e.channel] = "";
    g.bytes[e.channel] = 0;
  }
  if (e.at !== g.bytes[e.channel]) return;
  g[e.channel] += e.text;
  g.bytes[e.channel] += new TextEncoder().encode(e.text).length;
  const s = shown.get(e.message_id), log = $("log"), bottom = isAtEnd();
  if (!s) return;
  if (s.message.state === "streaming") drawText(e.message_id);
  else put({ ...s.message, text: "", state: "streaming" });
  if (bottom) log.scrollTop = log.scrollHeight;
}

function note(text) {
  const li = document.createElement("li"), p = document.createElement("p");
  li.className = "notice";
  p.textContent = text;
  li.append(p);
  $("log").append(li);
  $("log").scrollTop = $("log").scrollHeight;
}

$("say").onsubmit = (ev) => {
  ev.preventDefault();
  const field = ev.target.elements.text, text = field.value.trim();
  if (!text || !current || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: "send", ref: 1, room: current, text }));
  field.value = "";
};
$("say").elements.text.onkeydown = (ev) => {
  if (ev.key !== "Enter" || ev.shiftKey || ev.isComposing) return;
  ev.preventDefault();
  $("say").requestSubmit();
};
$("new-room").onsubmit = async (ev) => {
  ev.preventDefault();
  const field = ev.target.elements.name;
  try {
    const r = await call("POST", "/api/v1/rooms", { name: field.value.trim(), kind: "room", visibility: "public" });
    field.value = "";
    await loadRooms();
    await openRoom(r.id);
  } catch (e) {
    $("room-error").textContent = e.message;
  }
};
$("back").onclick = () => { $("house").classList.remove("in-room"); current = null; drawRooms(); };
$("invite").onclick = async () => {
  try {
    const { url } = await call("POST", "/api/v1/invites", { uses: 1 });
    prompt(t("invite_link"), new URL(url, location.href).href);
  } catch (e) {
    $("room-error").textContent = e.message;
  }
};
$("out").onclick = async () => {
  await call("POST", "/api/v1/auth/logout").catch(() => {});
  localStorage.removeItem("known");
  location.reload();
};
document.onvisibilitychange = () => { seen(); if (!document.hidden) look(); };
setInterval(() => { if (!document.hidden && socket?.readyState === WebSocket.OPEN) look(); }, 15000); // a model's server that goes down is no event

// A cookie from before lets us straight in; a link with a code comes first.
try {
  if (link.has("owner") || link.has("invite") || link.has("reset") || !localStorage.getItem("known")) throw 0;
  enter(await call("POST", "/api/v1/auth/refresh", { cookie: true }));
  await showHouse();
} catch {
  showDoor();
}
