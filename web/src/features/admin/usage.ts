/** features/admin/usage: rows of usage, summed up by what one wants to know. */
export interface Counts { requests: number; prompt_tokens: number; completion_tokens: number; estimated: number }
export interface UsageRow extends Counts { day: string; user: string; room?: string; persona?: string; key?: string; provider: string; model: string }
export interface Usage { from: string; to: string; rows: UsageRow[]; totals: Counts; names: Record<string, string>; today: { tokens: number; requests: number } }
export type By = 'day' | 'user' | 'model';
export interface Sum extends Counts { id: string }

export const tokensOf = (counts: Counts): number => counts.prompt_tokens + counts.completion_tokens;

const keyOf = { day: (row: UsageRow) => row.day, user: (row: UsageRow) => row.user, model: (row: UsageRow) => `${row.provider}/${row.model}` };

/** Days from the newest on, all else by what it cost. */
export function sumBy(rows: UsageRow[], by: By): Sum[] {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    const id = keyOf[by](row);
    const sum = sums.get(id) ?? { id, requests: 0, prompt_tokens: 0, completion_tokens: 0, estimated: 0 };
    sum.requests += row.requests;
    sum.prompt_tokens += row.prompt_tokens;
    sum.completion_tokens += row.completion_tokens;
    sum.estimated += row.estimated;
    sums.set(id, sum);
  }
  return [...sums.values()].sort((a, b) => (by === 'day' ? b.id.localeCompare(a.id) : tokensOf(b) - tokensOf(a)));
}

/** Every day from `from` to `to`, also those on which nothing was asked. */
export function daysOf({ from, to, rows }: Usage): Sum[] {
  const known = new Map(sumBy(rows, 'day').map((sum) => [sum.id, sum]));
  const days: Sum[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to) && days.length < 400; at += 86_400_000) {
    const id = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(id) ?? { id, requests: 0, prompt_tokens: 0, completion_tokens: 0, estimated: 0 });
  }
  return days;
}
