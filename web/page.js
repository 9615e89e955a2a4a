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
  },
};
const lang = navigator.language?.startsWith("ru") ? "ru" : "en";
const t = (key) => words[lang][key];
const $ = (id) => document.getElementById(id);
document.documentElement.lang = lang;
for (const el of document.querySelectorAll("[data-t]")) el.textContent = t(el.dataset.t);

let token, me, socket, cursor, retry = 0, renewal;
let current = null;            // id of the room on screen
const rooms = new Map();       // id -> room
let open = [];                 // public rooms one isn't in
const shown = new Map();       // message id -> {message, node}

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
  shown.clear();
  $("log").replaceChildren();
  drawRooms();
  await page("");
  $("log").scrollTop = $("log").scrollHeight;
  seen();
  $("say").elements.text.focus();
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
  if (before) log.scrollTop += log.scrollHeight - height;
}

function node(m) {
  const li = document.createElement("li"), head = document.createElement("small"), p = document.createElement("p");
  li.append(head, p);
  shown.set(m.id, { message: m, node: li });
  draw(m.id);
  return li;
}

function draw(id) {
  const { message: m, node: li } = shown.get(id);
  const [head, p] = li.children;
  li.className = m.deleted ? "gone" : m.kind === "notice" ? "notice" : m.sender.kind === "persona" ? "ai" : "";
  const time = new Date(m.created_at).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
  const marks = [m.edited_at && t("edited"), (m.state === "failed" || m.state === "stopped") && t(m.state)].filter(Boolean);
  const name = m.sender.display_name || t("left");
  head.textContent = [name, time, ...marks].join(" · ");
  p.textContent = m.deleted ? t("deleted") : m.kind === "action" ? `* ${name} ${m.text}` : m.text || (m.state === "streaming" ? "…" : "");
  if (m.state === "streaming") {
    const b = document.createElement("button");
    b.className = "quiet";
    b.textContent = t("stop");
    b.onclick = () => socket?.send(JSON.stringify({ type: "stop", message_id: id }));
    head.append(" ", b);
  }
}

function put(m) {
  const log = $("log"), bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  if (shown.has(m.id)) {
    shown.get(m.id).message = { ...shown.get(m.id).message, ...m };
    draw(m.id);
  } else {
    const after = [...shown.values()].filter((s) => s.message.id < m.id).sort((a, b) => (a.message.id < b.message.id ? -1 : 1)).pop();
    const li = node(m);
    if (after) after.node.after(li);
    else log.prepend(li);
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
    case "welcome": retry = 0; $("state").textContent = t("online"); break;
    case "resync": await loadRooms(); if (current) await openRoom(current); break;
    case "message.created": case "message.updated": case "message.completed": case "message.deleted": arrived(e); break;
    case "message.delta": grow(e); break;
    case "room.created": case "room.updated": case "room.deleted": case "member.joined": case "member.left": await loadRooms(); await openFirst(); break;
    case "notice": if (!e.room || e.room === current) note(e.text); break;
    case "error": $("room-error").textContent = e.detail || e.code; break;
    case "ack": $("room-error").textContent = ""; break;
  }
}

function arrived(e) {
  const m = e.message, room = rooms.get(m.room);
  if (m.room === current) {
    put(m);
    seen();
  } else if (room && e.type === "message.created" && m.sender.id !== me.id) {
    room.unread = (room.unread || 0) + 1;
    drawRooms();
  }
}

function grow(e) {
  const s = shown.get(e.message_id);
  if (!s || e.channel === "reasoning") return;
  if (e.snapshot || e.run !== s.run) s.message.text = "";
  s.run = e.run;
  put({ ...s.message, text: s.message.text + e.text, state: "streaming" });
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
document.onvisibilitychange = seen;

// A cookie from before lets us straight in; a link with a code comes first.
try {
  if (link.has("owner") || link.has("invite") || link.has("reset") || !localStorage.getItem("known")) throw 0;
  enter(await call("POST", "/api/v1/auth/refresh", { cookie: true }));
  await showHouse();
} catch {
  showDoor();
}
