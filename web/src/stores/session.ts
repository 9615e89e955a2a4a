// Who is in. The door (login, registration) and the way out; everything else waits for `phase`.
import { reactive } from 'vue';
import { api, ApiError } from '../net/api';
import { withMutex } from '../net/mutex';
import { accept, apart, credentials, keeperForLogin, lastSaid, leave, remembered, rememberMe, resumed, signedOut } from '../net/token';
import type { Account, Login, ServerInfo } from '../net/types';
import { closeEngine, engine, isOpen, openEngine } from './core';
import { forgetKeptOf, useSettingsOf } from './settings';

export interface Session {
  phase: 'starting' | 'out' | 'in';
  me: Account | null;
  node: ServerInfo | null;
  /** Plain http beyond this machine: no service worker, no Web Locks; a socket for each tab. */
  insecure: boolean;
}
export interface Registration {
  username: string;
  password: string;
  display_name?: string;
  invite?: string;
  owner_code?: string;
}

export const session: Session = reactive<Session>({ phase: 'starting', me: null, node: null, insecure: !globalThis.isSecureContext });

export const has = (feature: string): boolean => session.node?.features.includes(feature) ?? false;

const NODE_KEY = 'nc.node';
/** Of who was in last: closed, and erased where they left on purpose. */
let gone: Promise<void> = Promise.resolve();
export const settled = (): Promise<void> => gone;

/** Shows what is kept at once; nothing here waits for the network if somebody is remembered. */
export async function startSession(): Promise<void> {
  session.node = readNode();
  const asked = askNode();
  const me = apart ? null : remembered();
  if (me) {
    await enter(me);
    return;
  }
  await asked;
  session.phase = 'out';
}

function readNode(): ServerInfo | null {
  try {
    const kept = JSON.parse(localStorage.getItem(NODE_KEY) ?? 'null') as ServerInfo | null;
    return Array.isArray(kept?.features) && typeof kept.limits === 'object' && kept.limits ? kept : null;
  } catch {
    return null;
  }
}
async function askNode(): Promise<void> {
  try {
    session.node = await api.get<ServerInfo>('/api/v1/server', undefined, { open: true, early: true });
    localStorage.setItem(NODE_KEY, JSON.stringify(session.node));
  } catch {
    // Offline: what it was last time has to do.
  }
}

async function enter(me: Account): Promise<void> {
  await gone; // What is being erased may be of the same person.
  if (!(await openEngine(me))) return;
  useSettingsOf(me.id);
  session.me = me;
  session.phase = 'in';
  engine().run();
  void learnMe(me.id);
}

/** The node says who we are with each token that it gives; where another tab got ours, it is asked. One's name and role may have changed elsewhere. */
async function learnMe(id: string): Promise<void> {
  try {
    const said = await lastSaid(id).catch(() => null);
    setMe(said?.user ?? (await api.get<Account>('/api/v1/me')));
  } catch {
    // Offline, or the session is over, which `signedOut` tells.
  }
}
export function setMe(me: Account): void {
  if (session.me?.id !== me.id) return;
  session.me = me;
  rememberMe(me);
}

export function login(username: string, password: string): Promise<void> {
  return through('/api/v1/auth/login', { username, password });
}
export function register(who: Registration): Promise<void> {
  return through('/api/v1/auth/register', { ...who });
}
async function through(path: string, body: object): Promise<void> {
  // One at a time: of two people who come in at once in two tabs, one has the browser's cookie.
  const { user } = await withMutex('neuralchat.door', async () => {
    const keeper = await keeperForLogin();
    const answer = await api.post<Login>(path, keeper === 'cookie' ? { ...body, cookie: true } : body, { open: true, credentials: credentials(keeper) });
    accept(answer, keeper);
    return answer;
  });
  await enter(user);
}

/** In every tab; of this person nothing stays in this browser. */
export async function logout(): Promise<void> {
  try {
    await api.post('/api/v1/auth/logout', undefined, { timeout: 5_000 });
  } catch (fault) {
    // Offline: the node forgets the session in its time. What is here goes now.
    if (!(fault instanceof ApiError)) throw fault;
  }
  leave();
  await gone;
}

signedOut.add((forget) => {
  const me = session.me;
  session.phase = 'out';
  session.me = null;
  gone = closeEngine(forget);
  if (forget && me) forgetKeptOf(me.id);
  // This tab slept while they left, and came in again in another.
  const again = me && !forget ? resumed(me.id) : null;
  if (again) void gone.then(() => enter(again));
});

if (typeof addEventListener === 'function')
  addEventListener('storage', ({ key }) => {
    // Somebody came in by another tab's door.
    if (key !== 'nc.session' || apart || session.phase !== 'out' || isOpen()) return;
    const me = remembered();
    if (me) void enter(me);
  });
