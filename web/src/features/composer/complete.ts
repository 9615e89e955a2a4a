/** composer/complete: what is being typed at the caret, and what it may become. */
import type { Member } from '@/net/types';
import type { Command } from './commands';
import { rank } from './fuzzy';
import { isCommand } from './slash';

export interface Token {
  kind: 'mention' | 'command' | 'word';
  /** Where it stands in the text; what is chosen takes its place. */
  from: number;
  to: number;
  query: string;
  /** Of a word: the command it belongs to. */
  command?: Command;
}

const MENTION = /(?:^|[\s(«„"'[{*_>—–-])@([\p{L}\p{N}._-]{0,64})$/u;

/** Within ``` … or ` … nobody is called. */
function inCode(before: string): boolean {
  const fences = before.split(/^ {0,3}```/m).length - 1;
  if (fences % 2) return true;
  return ((before.slice(before.lastIndexOf('\n') + 1).match(/`/g) ?? []).length) % 2 === 1;
}

/** The command that a text begins with: of those that fit, the one with most words. */
export function commandOf(text: string, commands: readonly Command[]): Command | undefined {
  if (!isCommand(text)) return undefined;
  const words = text.slice(1).toLowerCase();
  return commands.filter((one) => words === one.name || words.startsWith(`${one.name} `)).sort((a, b) => b.name.length - a.name.length)[0];
}

export function tokenAt(text: string, caret: number, commands: readonly Command[]): Token | null {
  const before = text.slice(0, caret);
  const called = MENTION.exec(before);
  if (called && !inCode(before)) {
    const query = called[1]!, rest = /^[\p{L}\p{N}._-]*/u.exec(text.slice(caret))![0].length;
    return { kind: 'mention', from: caret - query.length - 1, to: caret + rest, query };
  }
  if (!isCommand(text) || before.includes('\n')) return null;
  const typed = before.slice(1), end = /^\S*/.exec(text.slice(caret))![0].length;
  // as long as some command goes on from here, it is a command that is typed
  const lower = typed.toLowerCase();
  if (!typed.includes(' ') || commands.some((one) => one.name.startsWith(lower) && one.name.includes(' ')))
    return { kind: 'command', from: 0, to: caret + (typed.includes(' ') ? 0 : end), query: typed };
  const command = commandOf(before, commands);
  if (!command || !wordsOf(command).length) return null;
  const word = typed.slice(command.name.length + 1);
  return /\s/.test(word) ? null : { kind: 'word', from: caret - word.length, to: caret + end, query: word, command };
}

/** The words a command takes, if it takes one of a few: "name|strict". */
export function wordsOf(command: Command): string[] {
  const inner = command.args.replace(/^\[(.*)\]$/, '$1');
  return /^[\w-]+(\|[\w-]+)+$/.test(inner) && !/^name\|-$/.test(inner) ? inner.split('|') : [];
}

export function fittingCommands(query: string, commands: readonly Command[], most = 12): Command[] {
  const wanted = query.toLowerCase().replace(/\s+/g, ' ');
  const deep = wanted.includes(' ');
  const plain = commands.filter((one) => (deep ? one.name.startsWith(wanted.trimEnd()) : !one.name.includes(' ') || wanted.length > 0));
  return deep ? plain.filter((one) => one.name.includes(' ')).slice(0, 20) : rank(wanted, plain, (one) => [one.name, one.help], most);
}

export interface Person extends Pick<Member, 'id' | 'username' | 'display_name' | 'kind'> {
  online?: boolean;
  aliases?: string[];
}

/**
 * Whom "@query" may mean. Those who spoke lately (`recent`, newest first) come first among equals, then those who are
 * here, then machines, then the others.
 */
export function fittingPeople(query: string, people: readonly Person[], recent: readonly string[], most = 8): Person[] {
  const place = new Map(recent.map((id, i) => [id, i]));
  const near = (one: Person) => place.get(one.id) ?? (one.online ? 1000 : one.kind === 'persona' ? 1001 : 1002);
  const sorted = people.filter((one) => one.username && one.kind !== 'system').sort((a, b) => near(a) - near(b));
  return rank(query, sorted, (one) => [one.username, one.display_name, ...(one.aliases ?? [])], most);
}

/** What is put in the token's place for `what`, and where the caret stands then: a blank follows, or what was there. */
export function replaced(text: string, token: Pick<Token, 'from' | 'to'>, what: string): { put: string; caret: number } {
  const next = text[token.to] ?? '';
  const put = /[\s.,:;!?)\]}»]/.test(next) ? what : `${what} `;
  return { put, caret: token.from + put.length + (/\s/.test(next) ? 1 : 0) };
}
