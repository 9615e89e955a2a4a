/** features/admin/metrics: the numbers of the Prometheus text that a person looks at first. */
export type Metrics = Map<string, number>;

/** Sums over labels, and what lies below the 95th percentile of a histogram as `<name>_p95`. */
export function parseMetrics(text: string): Metrics {
  const found: Metrics = new Map(), buckets = new Map<string, [number, number][]>();
  for (const line of text.split('\n')) {
    const [, name, labels, value] = /^([a-z_]+)(?:\{([^}]*)\})? ([\d.e+-]+)$/.exec(line) ?? [];
    if (!name) continue;
    const le = /le="([^"]+)"/.exec(labels ?? '')?.[1];
    if (le === undefined) found.set(name, (found.get(name) ?? 0) + Number(value));
    else {
      const base = name.replace(/_bucket$/, '');
      buckets.set(base, [...(buckets.get(base) ?? []), [le === '+Inf' ? Infinity : Number(le), Number(value)]]);
    }
  }
  for (const [name, list] of buckets) {
    const all = list.at(-1)?.[1] ?? 0;
    const at = list.find(([, count]) => count >= all * 0.95)?.[0];
    if (all && at !== undefined && at !== Infinity) found.set(`${name}_p95`, at);
  }
  return found;
}
