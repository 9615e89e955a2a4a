// Anthropic's Messages API: events of blocks, strict about what it is asked.
const event = (type, more) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const delta = (index, d) => event("content_block_delta", { index, delta: d });

/** Why the real one would refuse it. */
function wrong(request, json) {
  if (request.url !== "/v1/messages") return `no such path: ${request.url}`;
  if (request.headers["anthropic-version"] !== "2023-06-01") return "anthropic-version: header is required";
  if (request.headers.authorization) return "authorization is for others";
  if (!Number.isInteger(json.max_tokens) || json.max_tokens < 1) return "max_tokens: Field required";
  if (json.temperature !== undefined && !(json.temperature >= 0 && json.temperature <= 1)) return "temperature: range: 0..1";
  if (json.system === "") return "system: text content blocks must be non-empty";
  for (const [i, m] of json.messages.entries()) {
    if (m.role !== (i % 2 ? "assistant" : "user")) return `messages.${i}: roles must alternate, the first is the user's`;
    for (const b of m.content) {
      if (b.type === "text" && !b.text.trim()) return `messages.${i}: text content blocks must contain non-whitespace text`;
      if (m.role === "assistant" && i === json.messages.length - 1 && b.text?.trimEnd() !== b.text) return "final assistant content cannot end with trailing whitespace";
    }
  }
  return json.messages.length ? "" : "messages: at least one message is required";
}

export const anthropic = {
  kind: "anthropic",
  base: "",
  type: "text/event-stream; charset=utf-8",
  opening: (json) =>
    event("message_start", { message: { id: "msg_01", type: "message", role: "assistant", content: [], model: json.model, stop_reason: null, stop_sequence: null, usage: { input_tokens: 11, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 } } }) +
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
    event("ping", {}),
  piece: (text) => delta(0, { type: "text_delta", text }),
  thinking: (text) => delta(0, { type: "thinking_delta", thinking: text }) + delta(0, { type: "signature_delta", signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds" }),
  tool: (name, args) =>
    event("content_block_start", { index: 1, content_block: { type: "tool_use", id: "toolu_01", name, input: {} } }) +
    delta(1, { type: "input_json_delta", partial_json: "" }) +
    [...JSON.stringify(args)].map((c) => delta(1, { type: "input_json_delta", partial_json: c })).join("") +
    event("content_block_stop", { index: 1 }),
  finish: (reason = "end_turn", [, completion] = [11, 7]) =>
    event("content_block_stop", { index: 0 }) +
    event("message_delta", { delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: completion } }) +
    event("message_stop", {}),
  cut: `event: message_delta\ndata: {"type":"mess`,
  alive: `: still here\n\n${event("ping", {})}`,
  error: (message) => event("error", { error: { type: "api_error", message } }),
  refusal: (type, message) => JSON.stringify({ type: "error", error: { type, message }, request_id: "req_011CSHoEeqs5C35K2UUqR7Fy" }),
  whole: (text) => JSON.stringify({ id: "msg_01", type: "message", role: "assistant", model: "claude", content: [{ type: "text", text }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 11, output_tokens: 7 } }),
  question: (json) => json.messages.at(-1).content.map((b) => b.text ?? "").join("\n"),
  answer: (request) =>
    request.method === "GET" && request.url.startsWith("/v1/models") && {
      json: { data: [{ type: "model", id: "claude-listed", display_name: "Claude", created_at: "2026-01-01T00:00:00Z" }], first_id: "claude-listed", last_id: "claude-listed", has_more: false },
    },
  wrong,
};
