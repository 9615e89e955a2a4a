// Code to runs of (scope, text): never to markup.

import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = { bash, c, cpp, css, diff, go, ini, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml };
for (const [name, define] of Object.entries(languages)) hljs.registerLanguage(name, define);

type Run = [scope: string, text: string];

// Flattens the highlighter's nested scopes: the innermost one that has a colour wins.
class Runs {
  runs: Run[] = [];
  private scopes: string[] = [];

  addText(text: string) {
    if (!text) return;
    const scope = colour(this.scopes);
    const last = this.runs.at(-1);
    if (last && last[0] === scope) last[1] += text;
    else this.runs.push([scope, text]);
  }
  startScope(name: string) {
    this.scopes.push(name);
  }
  endScope() {
    this.scopes.pop();
  }
  openNode(name: string) {
    this.startScope(name);
  }
  closeNode() {
    this.endScope();
  }
  __addSublanguage(inner: { runs?: Run[] }) {
    for (const [scope, text] of inner.runs ?? []) this.runs.push([scope, text]);
  }
  finalize() {}
  toHTML() {
    return '';
  }
}

const COLOURS: Record<string, string> = {
  keyword: 'k', built_in: 'k', type: 'k', selector: 'k', 'selector-tag': 'k', name: 'k', section: 'k',
  string: 's', regexp: 's', symbol: 's', char: 's', link: 's', code: 's',
  number: 'n', literal: 'n', variable: 'n', 'template-variable': 'n', bullet: 'n',
  title: 'f', function: 'f', attr: 'f', attribute: 'f', property: 'f', 'selector-class': 'f', 'selector-id': 'f',
  comment: 'c', meta: 'c', quote: 'c', doctag: 'c',
  addition: 'add', deletion: 'del', strong: 'b', emphasis: 'i',
};

function colour(scopes: string[]): string {
  for (let i = scopes.length - 1; i >= 0; i--) {
    const found = COLOURS[scopes[i]!] ?? COLOURS[scopes[i]!.split('.', 1)[0]!];
    if (found) return 'hl-' + found;
  }
  return '';
}

hljs.configure({ __emitter: Runs as never });

self.onmessage = ({ data }: MessageEvent<{ id: number; lang: string; text: string }>) => {
  let runs: Run[] | null = null;
  try {
    if (hljs.getLanguage(data.lang)) {
      const result = hljs.highlight(data.text, { language: data.lang, ignoreIllegals: true });
      runs = (result._emitter as unknown as Runs).runs;
    }
  } catch {
    // code without colours is still code
  }
  self.postMessage({ id: data.id, runs });
};
