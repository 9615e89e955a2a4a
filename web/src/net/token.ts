// Who we are to the node: an access token for a quarter of an hour, in memory alone, and how to get the next one.
// A refresh token works once, and a spent one ends the session: so only one tab of the browser asks at a time, and
// the others are told what it got.
import { withMutex } from './mutex';
import type { Account, Login } from './types';

/**
 * Where the refresh token is. `cookie`: HttpOnly, out of our reach. `local`: plain http beyond this machine, where
 * the node's Secure cookie is not taken. `tab`: the browser's cookie belongs to somebody else who is in, in another tab.
 */
export type Keeper = 'cookie' | 'local' | 'tab';
export interface Kept {
  keeper: Keeper;
  me: Account;
  /** When they came in, ms. */
  since: number;
  refresh_token?: string;
}
interface Access {
  user: string;
  token: string;
  /** ms */
  until: number;
}
type Word =
  | { t: 'token'; access: Access; refresh_token?: string }
  | { t: 'token?'; user: string }
  | { t: 'who?' }
  | { t: 'here'; user: string }
  | { t: 'out'; user: string; at: number };

export class SignedOut extends Error {}

const KEY = 'nc.session';
const EARLY_MS = 60_000;
/** Then the answer is taken for lost. The node takes the token that was spent for it once more, but only for half a minute: that leaves time for another try or two. */
const REFRESH_MS = 12_000;
/** Since when a page asks with the browser's cookie; it stays where that page went away before it was answered. */
const ASKING = 'nc.asking';
/** So long the answer of a page that is gone may take to bring its cookie: the one from before is spent. */
const LOST_MS = 5_000;

/** Somebody else at this browser: a tab of their own, whoever is in in the others. */
export const apart = typeof location === 'object' && location.pathname === '/login' && new URLSearchParams(location.search).has('other');

let kept: Kept | null = null;
let access: Access | null = null;
let refreshing: Promise<string> | null = null;
/** What the node said with that token; null: to another tab. */
let said: Login | null = null;
const listeners = new Set<(word: Word) => void>();
/** Told when this person is out: the session ended, or another tab left. `forget`: on purpose, the data goes, too. */
export const signedOut = new Set<(forget: boolean) => void>();
/** Told when a newer token came; sockets pass it on. */
export const renewed = new Set<(token: string) => void>();

const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('neuralchat') : null;
const tell = (word: Word) => channel?.postMessage(word);
channel?.addEventListener('message', ({ data }: MessageEvent<Word>) => {
  if (data.t === 'token' && data.access.user === kept?.me.id) heard(data.access, data.refresh_token);
  else if (data.t === 'token?' && data.user === access?.user && fresh(access)) share();
  else if (data.t === 'who?' && kept) tell({ t: 'here', user: kept.me.id });
  // A tab that slept may hear of it when they are in again: then what is kept is theirs anew.
  else if (data.t === 'out' && data.user === kept?.me.id && (kept.since ?? 0) <= data.at) end((readKept()?.since ?? 0) <= data.at);
  for (const listener of listeners) listener(data);
});

const fresh = (some: Access | null): some is Access => some !== null && some.until - EARLY_MS > Date.now();

function storage(keeper: Keeper): Storage {
  return keeper === 'tab' ? sessionStorage : localStorage;
}
export function readKept(): Kept | null {
  try {
    // A tab of its own goes first: it keeps its person through a reload.
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? 'null') as Kept | null;
    return typeof found?.me?.id === 'string' ? found : null;
  } catch {
    return null;
  }
}
function writeKept(): void {
  try {
    if (kept) storage(kept.keeper).setItem(KEY, JSON.stringify(kept));
  } catch {
    // No storage: the session lasts as long as the cookie or the tab.
  }
}
function dropKept(): void {
  try {
    const stored = readKept();
    if (kept && stored?.me.id === kept.me.id && stored.since === kept.since) storage(kept.keeper).removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
  kept = null;
}

/** A tab's own refresh token goes to its copies (a duplicated tab has the same sessionStorage): spent twice, it ends the session. */
function share(): void {
  tell({ t: 'token', access: access!, ...(kept?.keeper === 'tab' && kept.refresh_token ? { refresh_token: kept.refresh_token } : {}) });
}
function heard(next: Access, refresh_token?: string): void {
  if (refresh_token && kept?.keeper === 'tab') {
    kept = { ...kept, refresh_token };
    writeKept();
  }
  if (!access || next.until > access.until) take(next);
}
function take(next: Access, login: Login | null = null): void {
  access = next;
  said = login;
  for (const listener of renewed) listener(next.token);
}
function end(forget: boolean): void {
  if (!kept) return;
  dropKept();
  access = said = null;
  refreshing = null;
  for (const listener of signedOut) listener(forget);
}

/** Resolves with the first answer that fits, or null after a while. */
function ask<T>(question: Word, answer: (word: Word) => T | undefined, ms: number): Promise<T | null> {
  if (!channel) return Promise.resolve(null);
  return new Promise((resolve) => {
    const listener = (word: Word) => {
      const found = answer(word);
      if (found !== undefined) done(found);
    };
    const timer = setTimeout(() => done(null), ms);
    const done = (found: T | null) => {
      clearTimeout(timer);
      listeners.delete(listener);
      resolve(found);
    };
    listeners.add(listener);
    tell(question);
  });
}

/** Who was in when the browser was last open here; shown from the cache before anything is asked. */
export function remembered(): Account | null {
  kept = readKept();
  return kept?.me ?? null;
}
/** Takes up the session that this person has begun in another tab since ours ended; null: none. */
export function resumed(user: string): Account | null {
  return readKept()?.me.id === user ? remembered() : null;
}
/** Where a login that is about to happen will keep its refresh token. */
export async function keeperForLogin(): Promise<Keeper> {
  const other = await ask({ t: 'who?' }, (word) => (word.t === 'here' ? word.user : undefined), 120);
  if (other !== null || readKept()) return 'tab';
  return globalThis.isSecureContext ? 'cookie' : 'local';
}
export function accept(login: Login, keeper: Keeper, since = Date.now()): void {
  if (kept?.me.id !== login.user.id) refreshing = null;
  kept = { keeper, me: login.user, since, ...(login.refresh_token ? { refresh_token: login.refresh_token } : {}) };
  writeKept();
  take({ user: login.user.id, token: login.access_token, until: Date.now() + login.expires_in * 1000 }, login);
  share();
}
/** What is known of oneself changed: the next offline start shows that. */
export function rememberMe(me: Account): void {
  if (!kept || kept.me.id !== me.id) return;
  kept = { ...(readKept() ?? kept), me };
  writeKept();
}
/** This browser's person leaves: in every tab. */
export function leave(): void {
  if (!kept) return;
  tell({ t: 'out', user: kept.me.id, at: Date.now() });
  end(true);
}
/** Who asks, for what must not be asked by the next one in the same tab. */
export const whoAsks = (): string | undefined => kept?.me.id;
/** The cookie belongs to one person of this browser: who has none of it neither spends it nor takes it away. */
export const credentials = (keeper = kept?.keeper): RequestCredentials => (keeper === 'cookie' ? 'same-origin' : 'omit');

/** A token that holds. Throws SignedOut when there is none to be had, a TypeError when the node can't be reached. */
export async function accessToken(refused?: string): Promise<string> {
  if (fresh(access) && access.token !== refused) return access.token;
  if (!kept) throw new SignedOut();
  if (!refreshing) {
    const mine = refresh(refused).finally(() => {
      if (refreshing === mine) refreshing = null;
    });
    refreshing = mine;
  }
  return refreshing;
}

/** Who we are and where the stream stands, as the node said it with the token; null: another tab of ours got that. */
export async function lastSaid(user: string): Promise<Pick<Login, 'user' | 'cursor'> | null> {
  await accessToken();
  return said?.user.id === user ? said : null;
}

const mutexOf = (user: string) => `neuralchat.refresh:${user}`;

/** Whether another tab may know a token: each that is in holds one of our locks, or waits for one. */
async function hasOthers(user: string): Promise<boolean> {
  const { held = [], pending = [] } = (await navigator.locks?.query?.()) ?? {};
  const me = held.find(({ name }) => name === mutexOf(user))?.clientId;
  return me === undefined || [...held, ...pending].some(({ name, clientId }) => clientId !== me && name?.startsWith('neuralchat'));
}

async function refresh(refused?: string): Promise<string> {
  const user = kept!.me.id;
  return withMutex(mutexOf(user), async () => {
    if (kept?.me.id !== user) throw new SignedOut();
    // Somebody may have asked while we waited for our turn.
    if (!(fresh(access) && access.token !== refused) && (await hasOthers(user))) {
      const other = await ask({ t: 'token?', user }, (word) => (word.t === 'token' && word.access.user === user && word.access.token !== refused ? word.access : undefined), 60);
      if (other && fresh(other) && kept?.me.id === user && access?.token !== other.token) take(other);
    }
    if (kept?.me.id !== user) throw new SignedOut();
    if (fresh(access) && access.token !== refused) return access.token;
    return refreshNow(user);
  });
}

/** Until the cookie that a page before us has asked for is here: reloaded while it asked, it left that to us. */
async function cookieSettled(): Promise<void> {
  const since = Number(noted(ASKING));
  const left = since + LOST_MS - Date.now();
  if (since > 0 && left > 0 && left <= LOST_MS) await new Promise((resolve) => setTimeout(resolve, left));
}
function noted(key: string, value?: string | null): string | null {
  try {
    if (value === null) localStorage.removeItem(key);
    else if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null; // No storage: nobody is remembered over a reload either.
  }
}

async function refreshNow(user: string): Promise<string> {
  if (kept!.keeper === 'cookie') await cookieSettled();
  if (kept?.me.id !== user) throw new SignedOut();
  const stored = readKept();
  const mine = stored?.me.id === user ? stored : kept;
  if (stored && stored.me.id !== user && kept.keeper === 'cookie') {
    // The browser's cookie is another person's by now.
    end(false);
    throw new SignedOut();
  }
  const withCookie = mine.keeper === 'cookie';
  const asked = String(Date.now());
  const answered = () => withCookie && noted(ASKING) === asked && noted(ASKING, null);
  if (withCookie) noted(ASKING, asked);
  // keepalive: the answer's new token must reach the browser even if the page goes away meanwhile.
  const answer = await fetch('/api/v1/auth/refresh', {
    method: 'POST',
    keepalive: true,
    credentials: credentials(mine.keeper),
    signal: AbortSignal.timeout(REFRESH_MS),
    ...(withCookie ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ refresh_token: mine.refresh_token }) }),
  }).catch((fault: unknown) => {
    // A page that is going away is told that it failed, too: it has no time left for this.
    setTimeout(answered, 100);
    throw fault;
  });
  answered();
  // 400: there is no cookie any more.
  const out = answer.status === 400 || answer.status === 401 || answer.status === 403;
  if (!out && !answer.ok) throw new TypeError(`refresh: ${answer.status}`);
  const login = out ? null : ((await answer.json()) as Login);
  // They left while we asked; who is in now has nothing to do with it.
  if (kept?.me.id !== user) throw new SignedOut();
  if (login?.user.id !== user) {
    end(false);
    throw new SignedOut();
  }
  accept(login, mine.keeper, mine.since);
  return login.access_token;
}
