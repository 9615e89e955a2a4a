/**
 * composer/commands: what can be done with `/`: the node says it itself (`/help`, `/ai help`), so that a node with
 * commands of its own is shown with them.
 */
import { shallowRef } from 'vue';
import { locale } from '@/app/i18n';
import { api } from '@/net/api';
import { has } from '@/stores/session';

export interface Command {
  /** Without the slash; of a part of another its words: "ai model". */
  name: string;
  args: string;
  /** The same for the reader: what stands for a word of theirs is in their language. */
  takes: string;
  help: string;
}

const RUSSIAN: Record<string, string> = { command: 'команда', text: 'текст', name: 'имя', room: 'комната', user: 'имя', model: 'модель' };

/** "[name|-]" stands for a name; "name|strict" are the words themselves. */
const taken = (args: string, language: string) =>
  language === 'ru' ? args.replace(/(?<![\w|])[a-z]+(?=[\]\s]|\|-|$)/g, (word) => RUSSIAN[word] ?? word) : args;

export const commands = shallowRef<Command[]>([]);

/** "/topic [text] — show or set the topic · показать или сменить тему": one line of the node's list. */
export function commandIn(line: string, language: string): Command | null {
  const found = /^\/(?!\/)(.+?) — (.+)$/.exec(line.trim());
  if (!found) return null;
  const words = found[1]!.split(' '), both = found[2]!.split(' · ');
  const args = words.findIndex((word, i) => i > 0 && !(words[0] === 'ai' && i === 1 && /^[a-z]+$/.test(word)));
  const name = (args < 0 ? words : words.slice(0, args)).join(' '), rest = args < 0 ? '' : words.slice(args).join(' ');
  // "/me text": a lone word behind a name of one word is what it takes
  return { name, args: rest, takes: taken(rest, language), help: both.length === 2 && language === 'ru' ? both[1]! : both[0]! };
}

export const commandsIn = (text: string, language: string): Command[] =>
  text.split('\n').map((line) => commandIn(line, language)).filter((one) => one !== null);

let asked = '';

/** Asks once for a language; in any of one's rooms the answer is the same. */
export async function loadCommands(room: string): Promise<void> {
  const language = locale.value;
  if (asked === language) return;
  asked = language;
  const ask = async (text: string) =>
    commandsIn((await api.post<{ notice?: { text: string } }>(`/api/v1/rooms/${room}/messages`, { text })).notice?.text ?? '', language);
  try {
    const plain = await ask('/help');
    // the node answers in the language of the words it is asked in
    const ai = has('ai') ? await ask(language === 'ru' ? '/ai help список' : '/ai help') : [];
    const known = new Set(ai.map((one) => one.name));
    commands.value = [...plain.filter((one) => !known.has(one.name)), ...ai];
  } catch {
    asked = ''; // no connection: when `/` is typed the next time
  }
}
