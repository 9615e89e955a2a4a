// @names in a text. Which ones are somebody's is for the node to say.

export interface Piece {
  text: string;
  name?: string; // whose @name this piece is
}

const NAME = /(^|[^\p{L}\p{N}_@.-])@([a-z0-9][a-z0-9._-]{1,31})/giu;

export function splitMentions(text: string, names: ReadonlySet<string>): Piece[] {
  if (!names.size || !text.includes('@')) return [{ text }];
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(NAME)) {
    const name = longest(match[2]!.toLowerCase(), names);
    if (!name) continue;
    const at = match.index + match[1]!.length;
    if (at > done) pieces.push({ text: text.slice(done, at) });
    done = at + 1 + name.length;
    pieces.push({ text: text.slice(at, done), name });
  }
  if (done < text.length || !pieces.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

// "@anna." ends a sentence, unless somebody is called that.
function longest(name: string, names: ReadonlySet<string>): string | null {
  for (;;) {
    if (names.has(name)) return name;
    const shorter = name.replace(/[._-]$/, '');
    if (shorter === name) return null;
    name = shorter;
  }
}
