/** composer/suggest: the list of suggestions for what is typed at the caret, and what choosing one does. */
import { computed, ref, shallowRef, watch, type Ref } from 'vue';
import { aliasesOf, personas } from '@/stores/ai';
import { membersOf } from '@/stores/rooms';
import { session } from '@/stores/session';
import { timelineOf } from '@/stores/timeline';
import { type Command, commands, loadCommands } from './commands';
import { type Person, type Token, commandOf, fittingCommands, fittingPeople, replaced, tokenAt, wordsOf } from './complete';
import { isCommand } from './slash';

export interface Suggestion {
  key: string;
  /** What takes the token's place. */
  insert: string;
  person?: Person;
  command?: Command;
  word?: string;
}

export function useSuggestions(room: Ref<string>, text: Ref<string>, caret: Ref<number>) {
  const at = ref(0);
  /** The token whose list was put away, as "from:query" of its beginning. */
  const closed = shallowRef('');

  const token = computed<Token | null>(() => tokenAt(text.value, caret.value, commands.value));
  watch(() => isCommand(text.value), (yes) => yes && void loadCommands(room.value), { immediate: true });

  const people = computed<Person[]>(() => {
    const aliases = new Map(personas().value.map((one) => [one.id, aliasesOf(one)]));
    return membersOf(room.value).value.filter((one) => one.id !== session.me?.id).map((one) => ({ ...one, aliases: aliases.get(one.id) }));
  });
  const recent = () => [...new Set(timelineOf(room.value).items.value.slice(-80).reverse().map((item) => item.message.sender.id))];

  const all = computed<Suggestion[]>(() => {
    const now = token.value;
    if (!now || closed.value === `${now.kind}:${now.from}`) return [];
    if (now.kind === 'mention')
      return fittingPeople(now.query, people.value, recent()).map((person) => ({ key: person.id, insert: `@${person.username}`, person }));
    if (now.kind === 'command')
      return fittingCommands(now.query, commands.value).map((command) => ({ key: command.name, insert: `/${command.name}`, command }));
    return wordsOf(now.command!).filter((word) => word.startsWith(now.query.toLowerCase()) && word !== now.query).map((word) => ({ key: word, insert: word, word }));
  });
  watch(all, (now, before) => { if (now.length !== before.length || now[0]?.key !== before[0]?.key) at.value = 0; });
  watch(token, (now) => { if (!now || closed.value !== `${now.kind}:${now.from}`) closed.value = ''; });

  /** The command that is being filled in, for the line that says what it takes. */
  const current = computed(() => (isCommand(text.value) ? commandOf(text.value, commands.value) : undefined));
  const unknown = computed(() => isCommand(text.value) && commands.value.length > 0 && !all.value.length && !current.value);

  return {
    /** Who answers here when nobody is named: the username of the first machine of the room. */
    machine: () => {
      const here = people.value.filter((one) => one.kind === 'persona'), known = personas().value.find((one) => one.is_default)?.id;
      return (here.find((one) => one.id === known) ?? here[0])?.username;
    },
    all, at, token, current, unknown,
    close: () => { if (token.value) closed.value = `${token.value.kind}:${token.value.from}`; },
    move: (by: number) => { at.value = (at.value + by + all.value.length) % all.value.length; },
    /** Is what would be chosen typed already, whole? */
    typed: () => {
      const query = token.value?.query.trim().toLowerCase(), one = all.value[at.value];
      return query !== undefined && query === (one?.command?.name ?? one?.person?.username);
    },
    chosen: (index: number) => (token.value && all.value[index] ? { token: token.value, ...replaced(text.value, token.value, all.value[index].insert) } : null),
  };
}
