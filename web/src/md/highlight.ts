// Colours for code, from a worker that is started by the first block that wants some.

import workerUrl from './highlight.worker.ts?worker&url';
import { ownScript } from '../app/trusted';
import { afterUsable } from '../net/spare';
import { isEndless } from './endless';

export type Run = [scope: string, text: string];

const CHARS_MAX = 30_000; // longer code stays plain: each run is an element
const KEPT_MAX = 100;
const LONGEST_MS = 10_000; // what takes the highlighter longer was written to do so

const kept = new Map<string, Run[] | null>();
const waiting = new Map<number, (runs: Run[] | null) => void>();
let worker: Worker | null | undefined;
let asked = 0;

const key = (lang: string, text: string) => lang + '\n' + text;

export function recall(lang: string, text: string): Run[] | null {
  return kept.get(key(lang, text)) ?? null;
}

export async function colours(lang: string, text: string): Promise<Run[] | null> {
  if (text.length > CHARS_MAX || isEndless(text)) return null; // its expressions try an endless word from each of its letters
  const had = kept.get(key(lang, text));
  if (had !== undefined) return had;
  await afterUsable(() => {});
  const w = start();
  if (!w) return null;
  let patience = 0;
  const runs = await new Promise<Run[] | null>((resolve) => {
    waiting.set(++asked, resolve);
    w.postMessage({ id: asked, lang, text });
    patience = window.setTimeout(giveUp, LONGEST_MS);
  });
  clearTimeout(patience);
  kept.set(key(lang, text), runs);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
  return runs;
}

function start(): Worker | null {
  if (worker !== undefined) return worker;
  try {
    worker = new Worker(ownScript(workerUrl), { type: 'module', name: 'highlight' });
    worker.onmessage = ({ data }: MessageEvent<{ id: number; runs: Run[] | null }>) => {
      waiting.get(data.id)?.(data.runs);
      waiting.delete(data.id);
    };
    worker.onerror = () => {
      giveUp();
      worker = null;
    };
  } catch {
    worker = null;
  }
  return worker;
}

// The next one that wants colours gets another worker.
function giveUp() {
  worker?.terminate();
  worker = undefined;
  for (const give of waiting.values()) give(null);
  waiting.clear();
}
