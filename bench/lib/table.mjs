// Medians, tables, targets.
export function median(values) {
  const s = values.filter((v) => v !== undefined).sort((a, b) => a - b);
  return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
}

/** The median of each member of several results. */
export function medians(results) {
  return Object.fromEntries(Object.keys(results[0]).map((k) => [k, median(results.map((r) => r[k]))]));
}

export const fmt = (v, digits = 0) =>
  v === undefined || Number.isNaN(v) ? "-" : v.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** rows: arrays of strings; the first is the head. */
export function table(rows) {
  const width = rows[0].map((_, k) => Math.max(...rows.map((r) => String(r[k]).length)));
  for (const r of rows) console.log("  " + r.map((w, k) => (k ? String(w).padStart(width[k]) : String(w).padEnd(width[k]))).join("  "));
}

export const targets = [];
/** One line of the verdict; bar: at most, or with `least` at least. */
export function target(row, what, reached, bar, { least = false, digits = 2, unit = "" } = {}) {
  const met = least ? reached >= bar : reached <= bar;
  targets.push({ row, what, reached, bar, least, met, digits, unit });
}

export function verdict() {
  console.log("\nTargets (rows of the design's list)");
  table([["row", "what", "reached", "bar", ""], ...targets.map((t) => [
    t.row, t.what, fmt(t.reached, t.digits) + t.unit, (t.least ? "≥ " : "≤ ") + fmt(t.bar, t.digits) + t.unit, t.met ? "met" : "MISSED"])]);
}
