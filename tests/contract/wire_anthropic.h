/* What Anthropic's Messages API says. */
#pragma once

#include "provider_words.h"

#define EVENT(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define DELTA(delta) \
    EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":" delta "}")
#define SAYS(text) DELTA("\"text_delta\",\"text\":\"" text "\"")
#define START                                                                           \
    EVENT("message_start",                                                              \
          ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\"," \
          "\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"usage\":{\"input_"     \
          "tokens\":11,\"output_tokens\":1}}")                                          \
    EVENT("content_block_start",                                                        \
          ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")           \
    EVENT("ping", "")
#define DONE(reason)                                                                      \
    EVENT("content_block_stop", ",\"index\":0")                                           \
    EVENT("message_delta",                                                                \
          ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null},\"usage\":" \
          "{\"output_tokens\":7}")                                                        \
    EVENT("message_stop", "")
#define ANTHROPIC_TEXT START SAYS("До") SAYS("брый") ": hush\n\n" SAYS(" день ") SAYS("🌍")
#define ANTHROPIC_ERROR(type, message)                                            \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message \
    "\"},\"request_id\":\"req_1\"}"

static const struct wire anthropic = {
    .ops = &nc_provider_anthropic,
    .base = "/v1/",
    .chat = "/v1/messages",
    .list = "/v1/models",
    .type = "text/event-stream; charset=utf-8",
    .key = "x-api-key",
    .before_key = "",
    .answer = ANTHROPIC_TEXT DONE("end_turn"),
    .answer_length = ANTHROPIC_TEXT DONE("max_tokens"),
    .answer_tools = ANTHROPIC_TEXT EVENT(
        "content_block_start",
        ",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":"
        "\"f\",\"input\":{}}")
        EVENT("content_block_delta",
              ",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
              "\"partial_json\":\"{\\\"x\\\":1}\"}") DONE("tool_use"),
    .thinks = START DELTA("\"thinking_delta\",\"thinking\":\"hm \"")
        DELTA("\"thinking_delta\",\"thinking\":\"so\"")
            DELTA("\"signature_delta\",\"signature\":\"EqQB\"") SAYS("Добрый ")
                SAYS("день 🌍") DONE("end_turn"),
    .cut = START SAYS("Добрый"),
    .error_midway = START SAYS("Добрый") "event: error\ndata: " ANTHROPIC_ERROR(
        "api_error", "it burns") "\n\n",
    .nonsense = "event: message_start\ndata: {\"what\":\n\n",
    .refused = ANTHROPIC_ERROR("invalid_request_error", "no such thing"),
    .unknown_model = ANTHROPIC_ERROR("not_found_error", "model: x"),
    .unknown_model_status = 404,
    .too_long = ANTHROPIC_ERROR("invalid_request_error",
                                "prompt is too long: 250000 tokens > 200000 maximum"),
    .too_long_status = 400,
    .says_key = ANTHROPIC_ERROR("authentication_error", "invalid x-api-key " KEY),
    .busy = ANTHROPIC_ERROR("overloaded_error", "Overloaded"),
    .models = "{\"data\":[{\"type\":\"model\",\"id\":\"first-model\",\"display_name\":"
              "\"First\",\"max_input_tokens\":200000},{\"type\":\"model\",\"id\":\"second-"
              "model\"},{\"id\":7}],\"has_more\":false}",
    .context = 200000,
};

#undef EVENT
#undef DELTA
#undef SAYS
#undef START
#undef DONE
