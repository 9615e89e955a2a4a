// A growing text, cut into blocks that stand alone.
//
// Where a block ends is decided by whole lines, from left to right, and never
// taken back: what is cut off may be parsed once and forgotten. The rule is the
// same however the text arrived, so a streamed answer ends up as the same blocks
// as one that came whole. In doubt lines stay together: that costs time, not truth.

const FENCE = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})/;
const MARKER = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/;
const DEEP = /^(?: {4}| {0,3}\t)/;

export class Splitter {
  text = '';
  start = 0; // of the open block
  fence = ''; // of the open block, while it is not closed: ``` or longer
  private line = 0; // start of the first line that is not decided yet
  private list = false; // the open block has a list, which blank lines do not end
  private blank = false; // the line before was empty
  private worded = false; // the open block has a line that is not empty

  // Appends and gives the blocks that are closed now.
  push(more: string): string[] {
    this.text += more;
    const closed: string[] = [];
    for (;;) {
      const end = this.text.indexOf('\n', this.line);
      if (end < 0) break;
      this.decide(this.text.slice(this.line, end).replace(/\r$/, ''), end + 1, closed);
      this.line = end + 1;
    }
    this.hurry(closed);
    return closed;
  }

  get open(): string {
    return this.text.slice(this.start);
  }

  private decide(line: string, next: number, closed: string[]) {
    if (this.fence) {
      if (this.ends(line)) {
        this.fence = '';
        if (!this.list) this.cut(next, closed);
      }
      return;
    }
    if (!line.trim()) {
      this.blank = true;
      return;
    }
    const fence = FENCE.exec(line);
    if (fence && (!this.list || fence[1]!.length < 2)) this.cut(this.line, closed);
    else if (this.blank && !this.goesOn(line)) this.cut(this.line, closed);
    if (fence) this.fence = fence[2]!;
    else if (MARKER.test(line)) this.list = true;
    this.blank = false;
    this.worded = true;
  }

  // The first character of a line that is still being written often tells enough.
  private hurry(closed: string[]) {
    const first = this.text[this.line];
    if (!first || !this.blank || this.fence || /\s/.test(first)) return;
    if (!this.list || !/[-*+\d]/.test(first)) this.cut(this.line, closed);
  }

  private goesOn(line: string): boolean {
    return this.list ? /^[ \t]/.test(line) || MARKER.test(line) : DEEP.test(line);
  }

  private ends(line: string): boolean {
    const bare = line.replace(/^ {0,3}/, '').trimEnd();
    return bare.startsWith(this.fence) && /^[~`]*$/.test(bare);
  }

  private cut(at: number, closed: string[]) {
    if (this.worded) {
      closed.push(this.text.slice(this.start, at));
      this.start = at;
    }
    this.list = this.blank = this.worded = false;
  }
}
