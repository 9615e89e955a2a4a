/**
 * features/settings/form: what forms and lists of settings and administration have in common: a call that is under
 * way, and what it says when it fails, beside the member it is about.
 */
import { type ShallowRef, onScopeDispose, shallowReactive, shallowRef, watch } from 'vue';
import { t } from '@/app/i18n';
import { reason } from '@/app/reason';
import { toast } from '@/kit/toast';
import { copyText } from '@/md/copy';
import { api } from '@/net/api';
import { connection } from '@/stores/connection';

/** The member an error names: "`base_url` must be …", "name must have …", "context.tokens must …". */
const memberOf = (words: string) => /^`?([a-z_]+)[`.[:\s]/.exec(words)?.[1];

export interface Form {
  busy: ShallowRef<boolean>;
  /** What concerns no field. */
  error: ShallowRef<string>;
  errors: Record<string, string>;
  /** Does it unless something is under way; false when it failed. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
}

export function useForm(...members: string[]): Form {
  const busy = shallowRef(false), error = shallowRef(''), errors = shallowReactive<Record<string, string>>({});
  const clear = (): void => {
    error.value = '';
    for (const member in errors) delete errors[member];
  };
  async function run(work: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    clear();
    busy.value = true;
    try {
      await work();
      return true;
    } catch (fault) {
      const words = reason(fault), member = memberOf(words);
      if (member && members.includes(member)) errors[member] = words;
      else error.value = words;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, error, errors, run, clear };
}

export interface Loaded<T> { data: ShallowRef<T | null>; error: ShallowRef<string>; reload: () => Promise<void> }

/** Asked for at once, again by `reload`, and when the node is back that was away; what was there stays until the answer is. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const data = shallowRef<T | null>(null), error = shallowRef('');
  async function reload(): Promise<void> {
    try {
      data.value = await load();
      error.value = '';
    } catch (fault) {
      error.value = reason(fault);
    }
  }
  void reload();
  watch(() => connection.state, (state) => { if (state === 'online' && error.value) void reload(); });
  return { data, error, reload };
}

/** Again every `ms` while the page is looked at. */
export function useEvery(ms: number, run: () => unknown): void {
  const timer = setInterval(() => { if (!document.hidden) void run(); }, ms);
  onScopeDispose(() => clearInterval(timer));
}

export async function copy(text: string): Promise<void> {
  const done = await copyText(text);
  toast(t(done ? 'form.copied' : 'form.not_copied'), undefined, done ? { tone: 'ok', icon: 'check' } : { tone: 'danger' });
}

/** A file of the node's: a ticket stands for us, for links carry no token. */
export async function download(path: string): Promise<void> {
  const { ticket } = await api.post<{ ticket: string }>('/api/v1/auth/ticket');
  const link = document.createElement('a');
  link.href = `${path}${path.includes('?') ? '&' : '?'}ticket=${encodeURIComponent(ticket)}`;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

/** A text of one name a line, as people write lists. */
export const linesOf = (text: string): string[] => text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);

/** The number somebody wrote, or null for nothing. */
export const numberOr = (value: string | number): number | null => (String(value).trim() === '' ? null : Number(value));
