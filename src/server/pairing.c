#include "server/pairing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ai/ai.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/people/people.h"
#include "crypto/keyring.h"
#include "mesh/link_url.h"
#include "mesh/nodes.h"
#include "net/http_client.h"
#include "server/call.h"
#include "server/near.h"
#include "server/server.h"
#include "wire/json_in.h"

enum { CONNECT_MS = 10000, TOTAL_MS = 30000, ANSWER_MAX = 64 << 10 };

struct joining {
    struct nc_call *call;
    struct nc_pair_code code;
    unsigned at; /* of the code's addresses */
    uint8_t digest[NC_SHA256];
    struct nc_buf request, answer;
    unsigned status;
    uint64_t asked_ms;
};

static void add_url(char urls[][NC_PAIR_URL + 1], unsigned *n, unsigned max,
                    const char *url, bool ok)
{
    if (ok && *n < max && strlen(url) <= NC_PAIR_URL)
        memcpy(urls[(*n)++], url, strlen(url) + 1);
}

void nc_pairing_card(const struct nc_server *s, struct nc_card *out)
{
    const struct nc_strings *brokers = &s->cfg->brokers;
    const char *urls[NC_PAIR_URLS];
    unsigned n;

    *out = (struct nc_card){.id = s->node_id, .at_ms = nc_wall_ms()};
    memcpy(out->key, s->identity.key, sizeof(out->key));
    snprintf(out->name, sizeof(out->name), "%s", s->node_name);
    n = nc_near_urls(s->near, urls, NC_PAIR_URLS);
    for (unsigned i = 0; i < n; i++)
        add_url(out->urls, &out->urls_n, NC_PAIR_URLS, urls[i],
                nc_pair_url_ok(nc_str(urls[i])));
    for (size_t i = 0; i < brokers->n; i++)
        add_url(out->brokers, &out->brokers_n, NC_CARD_BROKERS, brokers->v[i], true);
    nc_keyring_jwks(s->ring, &out->jwks);
}

/* ---- the end of it ----------------------------------------------------------- */

static void answer_call(struct nc_call *call, const struct nc_node *node)
{
    struct nc_buf out = {0};
    struct nc_json j = nc_json_to(&out);

    nc_json_obj(&j);
    nc_json_kid(&j, "id", &node->card.id);
    nc_json_kstr(&j, "name", nc_str(node->card.name));
    nc_json_kint(&j, "clock_off_ms", node->clock_off_ms);
    nc_json_obj_end(&j);
    nc_call_json(call, 200, nc_buf_str(&out));
    nc_buf_fini(&out);
}

/* One of the two is NULL. */
static void finish(struct joining *j, const struct nc_node *node,
                   const struct nc_problem *why)
{
    struct nc_call *call = j->call;

    nc_people_audit(call->chat, "mesh.join",
                    call->actor.user ? call->actor.user->a.username : NC_STR("admin.sock"),
                    nc_str(node ? node->card.name : ""), call->actor.address, why);
    if (why)
        nc_call_problem(call, why);
    else
        answer_call(call, node);
    nc_wipe(&j->code, sizeof(j->code));
    nc_buf_fini(&j->request);
    nc_buf_fini(&j->answer);
    free(j);
}

/* Their clock against the middle of the time that question and answer took. */
static int64_t clock_off(const struct joining *j, const struct nc_card *card)
{
    return (int64_t)(card->at_ms - (j->asked_ms / 2 + nc_wall_ms() / 2));
}

static void take_answer(struct joining *j)
{
    struct nc_nodes *nodes = j->call->srv->nodes;
    struct nc_problem why;
    struct nc_card card;

    if (nc_pair_answer_open(nc_buf_str(&j->answer), &j->code, j->digest, &card, &why) !=
            NC_OK ||
        nc_nodes_pin(nodes, &card, clock_off(j, &card), &why) != NC_OK) {
        finish(j, NULL, &why);
        return;
    }
    const struct nc_node *node = nc_nodes_find(nodes, &j->code.node);
    assert(node && "it was pinned just now");
    nc_log(NC_INFO, "mesh.joined", "node=%s by=us", node->card.name);
    if (nc_nodes_count(nodes) == 1)
        nc_personas_joined(nc_ai_personas(j->call->srv->ai));
    finish(j, node, NULL);
}

/* In its words, which say what is wrong with us. */
static void take_refusal(struct joining *j)
{
    struct nc_problem why;
    json_t *o = NULL;
    struct nc_str words = {0};

    if (nc_json_parse(nc_buf_str(&j->answer), &o, NULL) == NC_OK)
        words = nc_json_text(json_object_get(o, "detail"));
    if (words.n)
        nc_problem_set(&why, j->status == 409 ? NC_P_CONFLICT : NC_P_BAD_GATEWAY,
                       "the other node says: %.*s", NC_FMT(words));
    else
        nc_problem_set(&why, NC_P_BAD_GATEWAY, "what answers there is no node: status %u",
                       j->status);
    json_decref(o);
    finish(j, NULL, &why);
}

/* ---- asking ------------------------------------------------------------------- */

static void ask(struct joining *j);

static void on_head(void *arg, unsigned status)
{
    ((struct joining *)arg)->status = status;
}

static void on_data(void *arg, struct nc_str piece)
{
    nc_buf_adds(&((struct joining *)arg)->answer, piece);
}

static void on_end(void *arg, enum nc_err e, const char *why)
{
    struct joining *j = arg;
    struct nc_problem problem;

    if (e == NC_ECLOSED) {
        nc_problem_set(&problem, NC_P_UNAVAILABLE, "the node is stopping");
        finish(j, NULL, &problem);
    } else if (e == NC_OK && j->status == 200) {
        take_answer(j);
    } else if (e == NC_OK && j->status / 100 == 4) {
        take_refusal(j);
    } else if (++j->at < j->code.urls_n) {
        ask(j);
    } else {
        nc_problem_set(&problem, NC_P_BAD_GATEWAY, "no node can be asked at %s: %s",
                       j->code.urls[j->at - 1],
                       e == NC_OK ? "it failed"
                       : why      ? why
                                  : nc_strerr(e));
        finish(j, NULL, &problem);
    }
}

static void ask(struct joining *j)
{
    static const struct nc_http_call_ops ops = {
        .head = on_head, .data = on_data, .end = on_end};
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct nc_buf url = {0};
    struct nc_str base = nc_str(j->code.urls[j->at]);
    const char *proxy = j->call->srv->cfg->mesh_proxy;
    struct nc_link_url at;

    while (base.p[base.n - 1] == '/')
        base.n--;
    nc_buf_adds(&url, base);
    nc_buf_adds(&url, NC_STR("/mesh/join"));
    nc_buf_addc(&url, '\0');
    if (nc_link_url_node(base, &at) == NC_OK && !nc_link_url_proxied(&at))
        proxy = "";
    nc_buf_clear(&j->answer);
    j->status = 0;
    j->asked_ms = nc_wall_ms();
    nc_http_call_start(j->call->srv->http,
                       &(struct nc_http_call_opts){
                           .method = "POST",
                           .url = url.p,
                           .headers = headers,
                           .body = nc_buf_str(&j->request),
                           /* Both sign what they say; many nodes made their certificate
                            * themselves. */
                           .any_peer = true,
                           .proxy = *proxy ? proxy : NULL,
                           .connect_ms = CONNECT_MS,
                           .first_byte_ms = TOTAL_MS,
                           .total_ms = TOTAL_MS,
                           .max_bytes = ANSWER_MAX,
                       },
                       &ops, j);
    nc_buf_fini(&url);
}

void nc_pairing_join(struct nc_call *call, const struct nc_pair_code *code)
{
    struct joining *j = nc_alloc(sizeof(*j));
    struct nc_card card;

    *j = (struct joining){.call = call, .code = *code};
    nc_pairing_card(call->srv, &card);
    nc_pair_request_add(&call->srv->identity, code, &card, &j->request, j->digest);
    nc_card_fini(&card);
    ask(j);
}
