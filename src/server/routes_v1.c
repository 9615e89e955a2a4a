/* /v1: models for programs, as OpenAI's API has them. */
#include <stdlib.h>
#include <string.h>

#include "ai/ai.h"
#include "ai/models.h"
#include "server/server.h"
#include "server/v1_answer.h"
#include "wire/http_target.h"
#include "wire/json_in.h"
#include "wire/openai_server.h"

#define CHAT_BODY_MAX (8u << 20) /* pictures are in it */

/* ---- what there is -------------------------------------------------------- */

/* {"models":[…]} of ai/models, parsed; the caller lets go of it. */
static json_t *models_of(const struct nc_call *call)
{
    struct nc_buf out = {0};

    nc_models_json(nc_ai_models(call->srv->ai), &out);
    json_t *root = json_loadb(out.p ? out.p : "", out.n, 0, NULL);
    nc_buf_fini(&out);
    return root;
}

static struct nc_str member(const json_t *obj, const char *name)
{
    return nc_json_text(json_object_get(obj, name));
}

static void write_model(struct nc_json *j, const struct nc_call *call, const json_t *m)
{
    json_int_t context = json_integer_value(json_object_get(m, "context"));

    nc_json_obj(j);
    nc_json_kstr(j, "id", member(m, "id"));
    nc_json_kstr(j, "object", NC_STR("model"));
    nc_json_kuint(j, "created", call->srv->started_ms / 1000);
    nc_json_kstr(j, "owned_by", member(m, "provider"));
    if (context > 0)
        nc_json_kint(j, "context_length", context);
    nc_json_kstr(j, "destination", member(m, "destination"));
    nc_json_obj_end(j);
}

static void list_models(struct nc_call *call)
{
    json_t *root = models_of(call), *models = json_object_get(root, "models");
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kstr(&j, "object", NC_STR("list"));
    nc_json_key(&j, "data");
    nc_json_arr(&j);
    for (size_t i = 0; i < json_array_size(models); i++)
        if (!nc_str_eqz(member(json_array_get(models, i), "state"), "down"))
            write_model(&j, call, json_array_get(models, i));
    nc_json_arr_end(&j);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
    json_decref(root);
}

/* By its whole id, else by the model's own name. */
static const json_t *find_model(const json_t *models, struct nc_str name)
{
    static const char *const by[] = {"id", "model"};

    for (size_t k = 0; k < NC_COUNT(by); k++)
        for (size_t i = 0; i < json_array_size(models); i++)
            if (nc_str_eq(member(json_array_get(models, i), by[k]), name))
                return json_array_get(models, i);
    return NULL;
}

static void get_model(struct nc_call *call)
{
    struct nc_str raw = call->req->head->path, name = {0};
    size_t n = strlen(NC_V1_MODELS);

    if (nc_http_unescape((struct nc_str){raw.p + n, raw.n - n}, call->arena, &name) !=
        NC_OK) {
        nc_call_fail(call, NC_P_BAD_REQUEST, "the model's name is malformed");
        return;
    }
    json_t *root = models_of(call);
    const json_t *m = find_model(json_object_get(root, "models"), name);
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    if (m) {
        write_model(&j, call, m);
        nc_call_json(call, 200, nc_buf_str(&out));
    } else {
        call->openai_param = "model";
        call->openai_code = "model_not_found";
        nc_call_fail(call, NC_P_NOT_FOUND, "the model `%.120s` does not exist", name.p);
    }
    nc_buf_fini(&out);
    json_decref(root);
}

/* ---- asking --------------------------------------------------------------- */

static void ask(struct nc_call *call, bool embed)
{
    struct nc_openai_wrong wrong;
    enum nc_err e = embed ? nc_openai_judge_embeddings(call->body, &wrong)
                          : nc_openai_judge_chat(call->body, &wrong);

    if (!call->actor.user) { /* the admin socket is nobody whose use could be counted */
        nc_call_fail(call, NC_P_UNAUTHORIZED, "this takes an access token or a key");
    } else if (e != NC_OK) {
        call->openai_param = nc_arena_str(call->arena, nc_str(wrong.param)).p;
        nc_call_problem(call, &wrong.why);
    } else {
        nc_v1_ask(call, embed);
    }
}

static void chat_completions(struct nc_call *call) { ask(call, false); }

static void embeddings(struct nc_call *call) { ask(call, true); }

#define ASK (NC_R_BODY | NC_R_FREE | NC_R_LARGE)

const struct nc_route nc_routes_v1[] = {
    {"GET", "/v1/models", list_models, 0, NC_SCOPE_AI, 0},
    {"GET", "/v1/models/{model}", get_model, 0, NC_SCOPE_AI, 0},
    {"POST", "/v1/chat/completions", chat_completions, ASK, NC_SCOPE_AI, CHAT_BODY_MAX},
    {"POST", "/v1/embeddings", embeddings, ASK, NC_SCOPE_AI, CHAT_BODY_MAX},
    {0},
};
