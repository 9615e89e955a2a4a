/**
 * composer/files: what is pasted or dropped. Short files of text become text, with a fence and their language; all
 * others need a node that takes files (`files` among its features).
 */
const LANGUAGE: Record<string, string> = {
  c: 'c', h: 'c', cc: 'cpp', cpp: 'cpp', rs: 'rust', go: 'go', py: 'python', js: 'javascript', mjs: 'javascript', ts: 'typescript', vue: 'html',
  sh: 'bash', json: 'json', yaml: 'yaml', yml: 'yaml', html: 'html', css: 'css', sql: 'sql', java: 'java', md: '', txt: '', log: '', csv: '', diff: 'diff', patch: 'diff', ini: 'ini', toml: 'ini', conf: 'ini',
};
const nameEnd = (name: string) => /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';

export const isText = (file: Pick<File, 'name' | 'type'>): boolean =>
  /^text\/|^application\/(json|xml|x-sh|javascript)/.test(file.type) || nameEnd(file.name) in LANGUAGE;

/** A text as a block of code that none of its lines can close. */
export function fenced(name: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1), end = text.endsWith('\n') ? '' : '\n';
  return `${name}\n${fence}${LANGUAGE[nameEnd(name)] ?? ''}\n${text}${end}${fence}\n`;
}
