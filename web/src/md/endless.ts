// Words without an end.
//
// With kerning and ligatures a browser shapes all that is left of a word anew for each line it breaks it into: 64 KiB
// of "*_" would stop the page for a minute. Such words are drawn letter by letter, which nobody sees.

const LONG = 1000;

export function isEndless(text: string): boolean {
  if (text.length < LONG) return false;
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 32 || code === 10) run = 0;
    else if (++run >= LONG) return true;
  }
  return false;
}
