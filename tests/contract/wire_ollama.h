/* What Ollama says in its own protocol. */
#pragma once

#include "provider_words.h"

#define LINE(message)                                                                   \
    "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00.5Z\",\"message\":{\"role\":" \
    "\"assistant\"," message "},\"done\":false}\n"
#define SAYS(text) LINE("\"content\":\"" text "\"")
#define DONE(reason)                                                                 \
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_" \
    "reason\":\"" reason "\",\"done\":true,\"total_duration\":4883583458,\"prompt_"  \
    "eval_count\":11,\"eval_count\":7}\n"
#define OLLAMA_TEXT SAYS("До") SAYS("брый") "\r\n" SAYS(" день ") SAYS("🌍")

static const struct wire ollama = {
    .ops = &nc_provider_ollama,
    .base = "/api/",
    .chat = "/api/chat",
    .list = "/api/tags",
    .type = "application/x-ndjson",
    .key = "Authorization",
    .before_key = "Bearer ",
    .answer = OLLAMA_TEXT DONE("stop"),
    .answer_length = OLLAMA_TEXT DONE("length"),
    .answer_tools = OLLAMA_TEXT LINE(
        "\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{"
        "\"x\":1}}}]") DONE("stop"),
    .thinks = LINE("\"content\":\"\",\"thinking\":\"hm \"")
        LINE("\"content\":\"\",\"thinking\":\"so\"") OLLAMA_TEXT DONE("stop"),
    .cut = SAYS("Добрый"),
    .error_midway = SAYS("Добрый") "{\"error\":\"it burns\"}\n",
    .nonsense = "{\"what\":\n",
    .refused = "{\"error\":\"no such thing\"}",
    .unknown_model = "{\"error\":\"model 'x' not found\"}",
    .unknown_model_status = 404,
    .too_long = "{\"error\":\"the input length exceeds the context length\"}",
    .too_long_status = 400,
    .says_key = "{\"error\":\"unauthorized: " KEY "\"}",
    .busy = "{\"error\":\"server busy, please try again.  maximum pending requests "
            "exceeded\"}",
    .models = "{\"models\":[{\"name\":\"first-model\",\"model\":\"first-model\",\"size\":"
              "1234,\"digest\":\"365c0bd3c000a25d28ddbf732fe1c6ad\"},{\"name\":\"second-"
              "model\",\"digest\":\"7df6b6e09427a769808717c0a93cadc4\"},{\"name\":7}]}",
    .more = "/api/show",
    .more_body = "{\"model_info\":{\"general.architecture\":\"llama\",\"llama.context_"
                 "length\":8192}}",
    .context = 8192,
    .bytes = 1234,
};

#undef LINE
#undef SAYS
#undef DONE
