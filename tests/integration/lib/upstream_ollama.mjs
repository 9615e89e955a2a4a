// Ollama's own wire: /api/chat in lines of JSON, models with their size.
const line = (json) => JSON.stringify(json) + "\n";
const message = (more) => line({ model: "llama3:latest", created_at: "2026-01-01T00:00:00.123456789Z", message: { role: "assistant", content: "", ...more }, done: false });

const models = [
  { name: "llama3:latest", model: "llama3:latest", modified_at: "2026-01-01T00:00:00Z", size: 4661224676, digest: "365c0bd3c000a25d28ddbf732fe1c6add414de7275464c4e4d1c3b5fcb5d8ad1", details: { format: "gguf", family: "llama" } },
  { name: "qwen3:0.6b", model: "qwen3:0.6b", modified_at: "2026-01-01T00:00:00Z", size: 522653767, digest: "7df6b6e09427a769808717c0a93cadc4ae99ed4eb8bf5ca557c90846becea435", details: { format: "gguf", family: "qwen3" } },
];
const shown = {
  "llama3:latest": { details: {}, model_info: { "general.architecture": "llama", "llama.context_length": 8192, "llama.embedding_length": 4096 } },
  "qwen3:0.6b": { details: {}, model_info: { "general.architecture": "qwen3", "qwen3.context_length": 40960 } },
};

/** Why the real one would refuse it. */
function wrong(request, json) {
  if (request.url === "/api/embed") return json.input ? "" : "input is required";
  if (request.url !== "/api/chat") return `no such path: ${request.url}`;
  if (typeof json.model !== "string" || !json.model) return "model is required";
  if (!json.messages.every((m) => ["system", "user", "assistant", "tool"].includes(m.role) && typeof m.content === "string")) return "invalid message";
  if (json.options && Object.values(json.options).some((v) => v === null)) return "invalid options";
  return "";
}

export const ollama = {
  kind: "ollama",
  base: "",
  type: "application/x-ndjson",
  opening: () => "",
  piece: (text) => message({ content: text }),
  thinking: (text) => message({ thinking: text }),
  tool: (name, args) => message({ tool_calls: [{ function: { name, arguments: args } }] }),
  finish: (reason = "stop", [prompt, completion] = [11, 7]) =>
    line({ model: "llama3:latest", message: { role: "assistant", content: "" }, done_reason: reason, done: true, total_duration: 4883583458, prompt_eval_count: prompt, eval_count: completion }),
  cut: `{"model":"llama3:latest","message":{"ro`,
  alive: `\n${message({ content: "" })}`,
  error: (words) => line({ error: words }),
  refusal: (type, words) => JSON.stringify({ error: words }),
  whole: (text) => line({ model: "llama3:latest", message: { role: "assistant", content: text }, done: true, done_reason: "stop" }),
  question: (json) => json.messages?.at(-1).content,
  answer: (request, body) => {
    if (request.url === "/api/tags") return { json: { models } };
    if (request.url === "/api/version") return { json: { version: "0.12.0" } };
    if (request.url !== "/api/show") return null;
    const json = shown[JSON.parse(body).model];
    return json ? { json } : { status: 404, json: { error: `model '${JSON.parse(body).model}' not found` } };
  },
  wrong,
};
