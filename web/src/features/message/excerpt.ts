/** message/excerpt: a text in one line, without what markup there is. */
export function excerpt(text: string, length = 140): string {
  const bare = text
    .slice(0, length * 4)
    .replace(/^(?:```|~~~)[^\n]*$/gm, ' ')
    .replace(/^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,3}[.)]\s+)/gm, '')
    .replace(/!?\[([^\]\n]*)\]\([^)\n]*\)/g, '$1')
    .replace(/(\*\*|__|~~|`)(?=\S)(.+?)\1/g, '$2')
    .replace(/\s+/g, ' ')
    .trim();
  const letters = [...bare];
  return letters.length > length ? letters.slice(0, length).join('').trimEnd() + '…' : bare;
}
