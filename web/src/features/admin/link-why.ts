/**
 * features/admin/link-why: why a broker or a node is not reached, in the reader's language.
 *
 * The node says it in a few English words, which are told apart here. What the system or a library said, and what a
 * later node says, stays as it is.
 */
import { t } from '@/app/i18n';

/** Words of the node, by what they come to; "%" stands for what is different each time. */
export const NODE_WORDS: Record<string, string[]> = {
  refused: ['connection refused'],
  timeout: ['connect timeout', 'handshake timeout', 'write timeout', 'no answer in time', 'no answer to CONNECT in time'],
  unreachable: ['connect failed'],
  name: ['name not resolved', 'resolve timeout', 'no address'],
  lost: ['connection reset', 'peer closed', 'the connection was lost', 'the connection was closed', 'closed', 'closed before open', 'closed before it said anything', 'the broker ended the connection'],
  silent: ['silent', 'no sign of life', 'close not answered', 'it does not say who it is'],
  tls: ['tls failed', 'handshake failed', 'the TLS handshake failed', 'the TLS connection broke', 'no TLS context', 'no tls'],
  certificate: ['certificate not trusted'],
  answer: ['refused %'],
  no_node: ['malformed answer', 'handshake not agreed'],
  stranger: ['it does not know us, or is not who we look for', 'not a node that is known here'],
  untrusted: ['it is not trusted any more'],
  too_many: ['there are too many'],
  moved: ['this is no address of it any more'],
  no_address: ['this is no address', 'no node is dialled at such an address'],
  loopback: ['it says that it is on this machine'],
  needs_tls: ['without TLS only near addresses are spoken to'],
  needs_onion: ['without TLS nothing but .onion is spoken to by a proxy'],
  proxy: ['the proxy is not reached', 'the connection to the proxy was lost', 'the proxy ended the connection', 'the proxy failed', "the proxy doesn't answer"],
  proxy_way: ['the proxy does not get there', 'no name for a proxy'],
  proxy_login: ['the proxy wants a login', 'the proxy refuses'],
  broker_refuses: ['refused: %'],
  broker_ends: ['ended by the broker: %'],
  odd: ['protocol violated', 'message too large', 'binary only', 'it sends with qos 2, which nobody asked for', 'it sends too much that is no message'],
};

const exact = new Map<string, string>(), open: [prefix: string, code: string][] = [];
for (const [code, all] of Object.entries(NODE_WORDS))
  for (const words of all)
    if (words.endsWith('%')) open.push([words.slice(0, -1), code]);
    else exact.set(words, code);
open.sort(([a], [b]) => b.length - a.length);

/** `why` of a link or a way, as people read it. */
export function linkWhy(why: string): string {
  const code = exact.get(why);
  if (code) return t(`admin.link_${code}`);
  const [prefix, of] = open.find(([start]) => why.startsWith(start)) ?? [];
  // "refused 403" is a status; of what else begins so nothing is known.
  if (!prefix || !of || (of === 'answer' && !/^\d+$/.test(why.slice(prefix.length)))) return why;
  return t(`admin.link_${of}`, { what: why.slice(prefix.length) });
}
