// Tokens to what Vue draws. No string of a message ever becomes markup: texts are
// text nodes, and elements and attributes are those written in this file.

import { h, type VNodeArrayChildren } from 'vue';
import type { Token, Tokens } from 'marked';
import { t } from '../app/i18n';
import Code from './Code.vue';
import Formula from './Formula';
import type { Block } from './blocks';
import { isEndless } from './endless';
import { decodeEntities } from './entities';
import type { Formula as FormulaToken } from './formulas';
import { besides, isOwn, safeHref } from './links';
import { splitMentions } from './mentions';
import { seen } from './seen';

export interface Reader {
  names: ReadonlySet<string>; // who is mentioned
  me: string; // the reader's own username
}

export const BLOCKS_MAX = 300; // nobody reads more at once, and somebody might write them to make all others draw
const SHORT = 22; // a cell of so few characters is not worth a second line

/** What a rule would have to look into it for. */
export const lookOf = ({ raw, tokens }: Block): string => `block${isEndless(raw) ? ' endless' : ''}${tokens.some(({ type }) => type === 'heading') ? ' titled' : ''}`;

export function drawBlocks(tokens: Token[], reader: Reader, open = false): VNodeArrayChildren {
  return tokens.filter(isSeen).map((token) => block(token, reader, open));
}
const isSeen = ({ type }: Token) => type !== 'space' && type !== 'def';

function block(token: Token, reader: Reader, open: boolean): VNodeArrayChildren[number] {
  const inner = () => drawInline(token as { tokens?: Token[] }, reader);
  switch (token.type) {
    case 'paragraph':
      return h('p', inner());
    case 'text':
      return (token as Tokens.Text).tokens ? inner() : text((token as Tokens.Text).text, reader);
    case 'heading':
      // All of one level for who listens: the room's title stands above all of them.
      return h('h2', { class: 'h' + (token as Tokens.Heading).depth }, inner());
    case 'code':
      if ((token as Tokens.Code).lang === 'math' && !open) return h('p', [formula({ type: 'math', raw: token.raw, tex: (token as Tokens.Code).text, display: true })]);
      return h(Code, { text: (token as Tokens.Code).text, lang: language((token as Tokens.Code).lang), open });
    case 'blockquote':
      return h('blockquote', drawBlocks((token as Tokens.Blockquote).tokens, reader, open));
    case 'list':
      return list(token as Tokens.List, reader, open);
    case 'table':
      return table(token as Tokens.Table, reader);
    case 'hr':
      return h('hr');
    default:
      return h('p', { class: 'plain' }, (token as Tokens.Generic).text ?? token.raw);
  }
}

function list(token: Tokens.List, reader: Reader, open: boolean) {
  const items = token.items.map((item) =>
    h('li', item.task ? { class: 'task' } : null, [
      ...item.tokens.filter(isSeen).map((inner) => {
        if (inner.type === 'checkbox') return checkbox((inner as Tokens.Checkbox).checked);
        const drawn = block(inner, reader, open);
        return inner.type === 'text' && item.loose ? h('p', [drawn]) : drawn;
      }),
    ]),
  );
  return token.ordered ? h('ol', token.start === 1 ? null : { start: token.start || 0 }, items) : h('ul', items);
}

function checkbox(checked: boolean) {
  return h('input', { type: 'checkbox', disabled: true, checked, 'aria-label': t(checked ? 'md.done' : 'md.todo') });
}

function table(token: Tokens.Table, reader: Reader) {
  const cell = (tag: 'th' | 'td') => (c: Tokens.TableCell) =>
    h(tag, { class: [c.align && 'ta-' + c.align, c.text.length <= SHORT && 'short'], scope: tag === 'th' ? 'col' : null }, drawInline(c, reader));
  // It scrolls by itself when it is wider than the message, so it must take the focus.
  return h('div', { class: 'tbl', tabindex: 0, role: 'group', 'aria-label': t('md.table') }, [
    h('table', [
      h('thead', [h('tr', token.header.map(cell('th')))]),
      h('tbody', token.rows.map((row) => h('tr', row.map(cell('td'))))),
    ]),
  ]);
}

function drawInline(token: { tokens?: Token[] }, reader: Reader): VNodeArrayChildren {
  return (token.tokens ?? []).map((inner) => inline(inner, reader));
}

function inline(token: Token, reader: Reader): VNodeArrayChildren[number] {
  switch (token.type) {
    case 'text':
      return (token as Tokens.Text).tokens ? drawInline(token as Tokens.Text, reader) : text((token as Tokens.Text).text, reader);
    case 'escape':
      return (token as Tokens.Escape).text;
    case 'strong':
      return h('strong', drawInline(token as Tokens.Strong, reader));
    case 'em':
      return h('em', drawInline(token as Tokens.Em, reader));
    case 'del':
      return h('del', drawInline(token as Tokens.Del, reader));
    case 'codespan':
      return h('code', seen((token as Tokens.Codespan).text));
    case 'math':
      return formula(token as unknown as FormulaToken);
    case 'br':
      return h('br');
    case 'link':
      return link(token as Tokens.Link, drawInline(token as Tokens.Link, reader), reader);
    case 'image':
      // Nothing is loaded from elsewhere: a picture is a link to it.
      return link(token as Tokens.Image, [(token as Tokens.Image).text || (token as Tokens.Image).href], reader, 'image');
    default:
      return token.raw;
  }
}

function formula({ tex, raw, display }: FormulaToken) {
  return h(Formula, { tex, raw, display });
}

const leads = (text: string, href: string) => text.replace(/\/$/, '') === href.replace(/\/$/, '');

function link(token: Tokens.Link | Tokens.Image, children: VNodeArrayChildren, reader: Reader, kind?: string) {
  const href = safeHref(decodeEntities(token.href));
  if (!href) return text(token.raw, reader);
  const own = isOwn(href);
  const title = leads(token.text, href) ? undefined : href; // what a link says and where it leads may differ, if only by a letter of another alphabet
  return h(
    'a',
    { href, title, class: kind, rel: 'noopener noreferrer nofollow ugc', target: own ? undefined : '_blank' },
    [...children, besides(token.text, href)],
  );
}

function text(raw: string, reader: Reader): VNodeArrayChildren[number] {
  const decoded = decodeEntities(raw);
  const pieces = splitMentions(decoded, reader.names);
  if (pieces.length === 1 && !pieces[0]!.name) return decoded;
  return pieces.map((piece) =>
    piece.name ? h('span', { class: ['mention', piece.name === reader.me && 'me'] }, piece.text) : piece.text,
  );
}

// "js {1,3}" or "js title=x": only the first word names the language.
function language(info = ''): string {
  return info.split(/[\s{,:]/, 1)[0]!.toLowerCase();
}
