/**
 * message/excerpt: a text in one line, without the marks of Markdown: code is what it says, a formula its source.
 *
 * What is not to be read as marks is set aside first, one private character for each. Only the beginning of a text is
 * looked at, so that a long or hostile one costs no more than any other.
 */
const PRIVATE = 0xe000;
const ASIDE = /[\ue000-\uefff]/g;

/** A block of code, one in a line, a formula in any of its brackets, an escaped sign. */
const LITERAL = /^ {0,3}(`{3,}(?=[^`\n]*$)|~{3,}).*(?:\n|$(?![^]))([^]*?)(?:^ {0,3}\1[`~]*[ \t]*$|$(?![^]))|(?<!`)(`+)(?!`)([^]*?[^`])\3(?!`)|\$\$([^$]+)\$\$|\\\[([^]+?)\\\]|\\\((.+?)\\\)|(\\begin\{(\w+\*?)\}[^]*?\\end\{\9\})|\$(?=\S)([^$\n]*[^$\s\\])\$(?!\d)|\\([!-/:-@[-`{-~])/gm;
const LINE = /^[ \t]*(?:([-*_=])(?:[ \t]*\1){2,}[ \t]*$|\|?[ \t]*:?-{3,}[-:| \t]*$|(?:(?:#{1,6}|[-*+](?: \[[ x]\])?|\d{1,3}[.)])[ \t]+|>[ \t]?)+)/gim;
const LINK = /!?\[([^[\]\n]*)\]\((?:[^()\n]|\([^()\n]*\))*\)|<((?:https?|mailto):[^\s<>]+)>/g;
const STRONG = /(\*{1,3}|~~)(?=[^\s*~])([^\n]*?[^\s*~])\1|(?<![\p{L}\p{N}_])(_{1,3})(?=[^\s_])([^\n]*?[^\s_])\3(?![\p{L}\p{N}_])/gu;
const CELLS = /^[ \t]*\||\|[ \t]*$/gm;

export function excerpt(text: string, length = 140): string {
  const aside: string[] = [];
  let bare = text.trimStart().slice(0, length * 4).replace(ASIDE, ' ').replace(LITERAL, (...found: string[]) => {
    const inside = [2, 4, 5, 6, 7, 8, 10, 11].map((group) => found[group]).find((one) => one !== undefined) ?? '';
    return String.fromCharCode(PRIVATE + aside.push(inside) - 1);
  });
  bare = bare.replace(LINE, ' ').replace(LINK, '$1$2').replace(CELLS, ' ');
  // one within the other: three are more than anybody writes
  for (let depth = 0; depth < 3; depth += 1) bare = bare.replace(STRONG, '$2$4');
  bare = bare.replace(/\\$/gm, '').replace(ASIDE, (mark) => aside[mark.charCodeAt(0) - PRIVATE] ?? '').replace(/\s+/g, ' ').trim();
  const letters = [...bare];
  return letters.length > length ? letters.slice(0, length).join('').trimEnd() + '…' : bare;
}
