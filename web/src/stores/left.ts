// What is still kept here of people whose session has ended without their leaving: it waits for them, or is erased.
import { readKept } from '../net/token';
import { dbName, eraseDb, openDb } from '../sync/db';
import { settled } from './session';
import { forgetKeptOf } from './settings';

export interface Left {
  /** Their ids: who they are is nobody's business before the door. */
  users: string[];
  unsent: number;
  drafts: number;
}
/** As long as an open tab takes to say whose it is. */
const ANSWER_MS = 200;

export async function leftHere(): Promise<Left | null> {
  await settled(); // of who has just left nothing may be there in a moment
  const [names, here] = await Promise.all([databases(), whoIsIn()]);
  const start = dbName('');
  const users = names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)).filter((user) => !here.has(user));
  if (!users.length) return null;
  const left = { users, unsent: 0, drafts: 0 };
  for (const user of users) {
    const db = await openDb(user);
    if (db.kind === 'disk') {
      const [outbox, drafts] = await db.read(['outbox', 'drafts'], (tx) => Promise.all([tx.all('outbox'), tx.all('drafts')])).catch(() => [[], []]);
      left.unsent += outbox.length;
      left.drafts += drafts.filter(({ text }) => text.trim()).length;
    }
    db.close();
  }
  return left;
}

export async function eraseLeft({ users }: Left): Promise<void> {
  await Promise.all(users.map(eraseDb));
  users.forEach(forgetKeptOf);
}

async function databases(): Promise<string[]> {
  if (typeof indexedDB === 'undefined' || !indexedDB.databases) return [];
  return (await indexedDB.databases().catch(() => [])).map(({ name = '' }) => name);
}

/** Who comes in by itself when a page opens, and who is in, in other tabs. */
async function whoIsIn(): Promise<Set<string>> {
  const users = new Set<string>();
  const kept = readKept();
  if (kept) users.add(kept.me.id);
  if (typeof BroadcastChannel !== 'function') return users;
  const channel = new BroadcastChannel('neuralchat');
  channel.onmessage = ({ data }: MessageEvent<{ t: string; user?: string }>) => {
    if (data.t === 'here' && data.user) users.add(data.user);
  };
  channel.postMessage({ t: 'who?' });
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.close();
  return users;
}
