// What a model says, as bytes of an event stream; it knows what may be made of any beginning of them.
import { sleep } from "./node.mjs";

const WORDS = ["жили-были", "дед", "Ёлка", "й", "щ", "👴", "👩‍👩‍👧‍👦", "🇷🇺", "é", "é", "𝔸", "word", "the", "and", '"quoted"', "back\\slash", "data: x", "[DONE]", "</b>", "{}", "1.5", "中文", "שלום", "\u2028", "@olga"];
const GAPS = [" ", " ", " ", "\n", "\n\n", "\t", "", ". "];

function words(random, bytes) {
  let text = random.pick(["Жил", "Once", "🙂", "В"]);
  while (Buffer.byteLength(text) < bytes) text += random.pick(GAPS) + random.pick(WORDS);
  return text + ".";
}

const escaped = (json) => json.replace(/[\u0080-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));

export class Tale {
  text = "";
  reasoning = "";
  #marks = []; // after `at` bytes there is so much of the text, and the thoughts
  #pieces = [];
  #at = 0;

  constructor(random, { bytes = random.chance(0.15) ? random.int(3000, 20000) : random.int(30, 1500), reasoning = random.chance(0.4) } = {}) {
    this.eol = random.pick(["\n", "\n", "\r\n"]);
    this.ascii = random.chance(0.3);
    const thoughts = reasoning ? words(random, random.int(20, 400)) : "";
    const most = Math.ceil(bytes / random.int(5, 40));
    for (const [channel, whole] of [["reasoning_content", thoughts], ["content", words(random, bytes)]])
      for (let left = [...whole]; left.length; ) {
        if (random.chance(0.03)) this.#add(`: thinking${this.eol}${this.eol}`);
        this.#event(channel, left.splice(0, random.int(1, most)).join(""));
      }
    this.#event("", "", "stop");
    this.finished = this.#at;
    this.#add(`data: [DONE]${this.eol}${this.eol}`);
    this.bytes = Buffer.concat(this.#pieces);
  }
  #add(s) {
    this.#pieces.push(Buffer.from(s));
    this.#at += this.#pieces.at(-1).length;
  }
  #event(channel, piece, finish_reason = null) {
    const json = JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "teller", choices: [{ index: 0, delta: channel ? { [channel]: piece } : {}, finish_reason }] });
    this.#add(`data: ${this.ascii ? escaped(json) : json}`);
    if (channel === "content") this.text += piece;
    if (channel) this.reasoning += channel === "content" ? "" : piece;
    this.#marks.push({ line: this.#at, end: this.#at + 2 * this.eol.length, text: this.text, reasoning: this.reasoning, finish: finish_reason !== null });
    this.#add(this.eol + this.eol);
  }
  /** The most that can be known after so many bytes (a line is enough, also without its end), and the least. */
  most(bytes) {
    return this.#marks.findLast((m) => m.line <= bytes) ?? { text: "", reasoning: "", finish: false };
  }
  least(bytes) {
    return this.#marks.findLast((m) => m.end <= bytes) ?? { text: "", reasoning: "", finish: false };
  }
}

const ENDS = {
  fin: (asked) => asked.response.socket.end(),
  reset: (asked) => asked.response.socket.resetAndDestroy(),
  clean: (asked) => asked.response.end(), // as if that had been all
};

/** One time that a question is answered upstream. */
export class Telling {
  sent = 0;
  broken = null; // how it was cut, if it was
  constructor(tale, { cut = Infinity, how = "fin", ms = 400 } = {}) {
    Object.assign(this, { tale, cut: Math.min(cut, tale.bytes.length), how: cut < tale.bytes.length ? how : null, ms });
  }
  /** Chunks of any size, also through the middle of a character; pauses of any length. */
  async play(asked, random) {
    this.asked = asked;
    const { tale } = this;
    if (this.how && this.cut <= 0) {
      this.broken = this.how;
      return ENDS[this.how === "clean" ? "fin" : this.how](asked);
    }
    asked.begin();
    const chunks = random.int(2, Math.min(60, tale.bytes.length));
    const pause = (this.ms * 2) / chunks;
    while (this.sent < this.cut && !asked.closed) {
      const size = Math.min(this.cut - this.sent, random.int(1, Math.ceil((tale.bytes.length * 2) / chunks)));
      asked.response.write(tale.bytes.subarray(this.sent, (this.sent += size)));
      if (random.chance(0.8)) await sleep(random.next() * pause);
      else await new Promise((done) => setImmediate(done));
    }
    if (asked.closed) return;
    this.broken = this.how;
    ENDS[this.how ?? "clean"](asked);
  }
}
