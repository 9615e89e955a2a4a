import { reactive } from 'vue';
import type { Account, ServerInfo } from '../net/types';

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

export async function startSession(): Promise<void> {}
export async function login(_username: string, _password: string): Promise<void> {}
export async function register(_who: Registration): Promise<void> {}
export async function logout(): Promise<void> {}
export function setMe(me: Account): void {
  session.me = me;
}
export const has = (feature: string): boolean => session.node?.features.includes(feature) ?? false;
