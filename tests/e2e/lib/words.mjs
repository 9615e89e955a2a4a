// Words of a screen: all there, all in the reader's language.
import assert from "node:assert/strict";

// What is the same in every language: names of things, of formats and of keys.
const NAMES = /^(NeuralChat|HTTPS?|WebSocket|JSON|Markdown|API|AI|OpenAI|Ollama|Anthropic|Unix|CPU|GPU|MQTT|URL|SSE|llama-server|vLLM|LM|Studio|TLS|UTC|QR|Ctrl|Alt|Shift|Enter|Esc|Tab|Backspace|Delete|Mod|Home|End|PageUp|PageDown|English|Chromium|Chrome|HeadlessChrome|Linux|Bearer|SQLite|TeX|MathML|GiB|MiB|KiB|ms|http|https)$/;

/**
 * Nothing on the screen, nor what a screen reader hears of it, is a key without words; and in Russian there is no word in
 * Latin letters but such names, code, and what people of the test have called things: messages, rooms, models: `given`.
 */
export async function worded(page, language, what, given = /$^/) {
  const texts = await page.evaluate(() => {
    const told = [];
    // What people and machines have said or named, and what is typed as it is.
    const given = ".message .md, .message header, code, pre, kbd, .font-mono, [data-room], main a[href^='/r/'], option, textarea, time, [data-given]";
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let at = walk.nextNode(); at; at = walk.nextNode()) {
      if (at.nodeType === Node.TEXT_NODE) {
        if (!at.parentElement.closest("script, style, noscript")) told.push([at.data, !!at.parentElement.closest(given)]);
      } else for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description"]) if (at.hasAttribute(name)) told.push([at.getAttribute(name), !!at.closest(given)]);
    }
    return told;
  });
  const keys = texts.filter(([, said]) => !said).map(([text]) => text.trim()).filter((text) => /^[a-z]+(\.[a-z_]+)+$/.test(text));
  assert.deepEqual(keys, [], `${what}: keys without words`);
  if (language !== "ru") return;
  const left = [...new Set(texts.filter(([, said]) => !said).flatMap(([text]) => (text.replace(given, "").match(/@?\p{Script=Latin}[\p{Script=Latin}\d'’_@./:-]*/gu) ?? []).filter((word) => word.length > 2 && !word.startsWith("@") && !NAMES.test(word.replace(/[.:/-]+$/, ""))).map((word) => `${word} in "${text.trim().slice(0, 60)}"`)))];
  assert.deepEqual(left, [], `${what}: words that are not Russian`);
}
