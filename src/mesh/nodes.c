#include "mesh/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/keyring.h"
#include "mesh/nodes_parts.h"
#include "wire/json_in.h"
#include "wire/signed.h"
#include "wire/topic.h"

enum { TOKENS = 1024, SEEN_KEPT_MS = 600000 };

/* ---- one of them ------------------------------------------------------------ */

struct nc_node *nc_node_new(struct nc_card *card)
{
    struct nc_keyring *ring = NULL;

    if (nc_keyring_public(&ring, nc_buf_str(&card->jwks)) != NC_OK) {
        nc_card_fini(card);
        return NULL;
    }
    struct nc_node *node = nc_alloc(sizeof(*node));
    node->card = *card;
    node->ring = ring;
    node->tokens = nc_jwt_cache_new(TOKENS);
    *card = (struct nc_card){.urls_n = 0};
    return node;
}

void nc_node_free(struct nc_node *node)
{
    if (!node)
        return;
    nc_card_fini(&node->card);
    nc_keyring_free(node->ring);
    nc_jwt_cache_free(node->tokens);
    free(node);
}

/* ---- all of them ------------------------------------------------------------ */

enum nc_err nc_nodes_open(struct nc_nodes **out, const struct nc_nodes_opts *o)
{
    struct nc_nodes *n = nc_alloc(sizeof(*n));

    n->o = *o;
    n->path = nc_str_dup(nc_str(o->path));
    snprintf(n->name, sizeof(n->name), "%s", o->name);
    enum nc_err e = nc_nodes_load(n);
    if (e == NC_OK)
        *out = n;
    else
        nc_nodes_free(n);
    return e;
}

void nc_nodes_free(struct nc_nodes *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->n; i++)
        nc_node_free(n->at[i]);
    nc_wipe(n->invites, sizeof(n->invites));
    free(n->path);
    free(n);
}

size_t nc_nodes_count(const struct nc_nodes *n) { return n->n; }
const struct nc_node *nc_nodes_at(const struct nc_nodes *n, size_t i) { return n->at[i]; }

static size_t place_of(const struct nc_nodes *n, const struct nc_id *id)
{
    size_t i = 0;

    while (i < n->n && !nc_id_eq(&n->at[i]->card.id, id))
        i++;
    return i;
}

const struct nc_node *nc_nodes_find(const struct nc_nodes *n, const struct nc_id *id)
{
    size_t i = place_of(n, id);

    return i < n->n ? n->at[i] : NULL;
}

bool nc_nodes_has(void *arg, const struct nc_id *id)
{
    return nc_nodes_find(arg, id) != NULL;
}

static void changed(const struct nc_nodes *n)
{
    if (n->o.changed)
        n->o.changed(n->o.arg);
}

/* ---- trust ------------------------------------------------------------------- */

static bool may_pin(const struct nc_nodes *n, const struct nc_card *card,
                    struct nc_problem *why)
{
    bool there = false;

    if (nc_id_eq(&card->id, &n->o.self) ||
        memcmp(card->key, n->o.identity->key, sizeof(card->key)) == 0) {
        nc_problem_set(why, NC_P_CONFLICT, "this is the node itself");
        return false;
    }
    if (strcmp(card->name, n->name) == 0) {
        nc_problem_set(why, NC_P_CONFLICT, "both nodes have the name %s", n->name);
        return false;
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct nc_card *c = &n->at[i]->card;
        bool id = nc_id_eq(&c->id, &card->id);
        bool key = memcmp(c->key, card->key, sizeof(c->key)) == 0;
        there = there || id;
        if (id != key) {
            nc_problem_set(why, NC_P_CONFLICT,
                           "%s is there with another %s; forget it first", c->name,
                           id ? "key" : "id");
            return false;
        }
        if (!id && strcmp(c->name, card->name) == 0) {
            nc_problem_set(why, NC_P_CONFLICT, "another node has the name %s", c->name);
            return false;
        }
    }
    if (!there && n->n == NC_NODES_MAX) {
        nc_problem_set(why, NC_P_CONFLICT, "a node may have at most %d others",
                       NC_NODES_MAX);
        return false;
    }
    return true;
}

static enum nc_err not_kept(struct nc_problem *why)
{
    nc_problem_set(why, NC_P_UNAVAILABLE, "it could not be written down; see the log");
    return NC_EIO;
}

enum nc_err nc_nodes_pin(struct nc_nodes *n, struct nc_card *card, int64_t clock_off_ms,
                         struct nc_problem *why)
{
    if (!may_pin(n, card, why)) {
        nc_card_fini(card);
        return NC_EEXIST;
    }
    struct nc_node *node = nc_node_new(card), *before = NULL;
    if (!node) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`jwks` are no keys");
        return NC_EINVAL;
    }
    size_t at = place_of(n, &node->card.id);
    if (at < n->n)
        before = n->at[at];
    node->added_ms = before ? before->added_ms : nc_wall_ms();
    node->seen_ms = nc_wall_ms();
    node->clock_off_ms = clock_off_ms;
    n->at[at] = node;
    n->n += before == NULL;
    if (nc_nodes_save(n) != NC_OK) {
        n->at[at] = before;
        n->n -= before == NULL;
        nc_node_free(node);
        return not_kept(why);
    }
    nc_node_free(before);
    if (clock_off_ms > NC_NODES_CLOCK_OFF_MS || clock_off_ms < -NC_NODES_CLOCK_OFF_MS)
        nc_log(NC_WARN, "mesh.clock", "node=%s off_ms=%lld", node->card.name,
               (long long)clock_off_ms);
    changed(n);
    return NC_OK;
}

enum nc_err nc_nodes_forget(struct nc_nodes *n, const struct nc_id *id)
{
    size_t at = place_of(n, id), kept = 0;

    if (at == n->n)
        return NC_ENOENT;
    struct nc_node *gone = n->at[at];
    memmove(&n->at[at], &n->at[at + 1], (--n->n - at) * sizeof(n->at[0]));
    /* What it once came in by must not bring it back. */
    for (size_t i = 0; i < n->invites_n; i++)
        if (!nc_id_eq(&n->invites[i].used_by, id))
            n->invites[kept++] = n->invites[i];
    n->invites_n = kept;
    enum nc_err e = nc_nodes_save(n);
    nc_node_free(gone); /* at once, whatever the disk says */
    changed(n);
    return e;
}

/* ---- invitations --------------------------------------------------------------- */

static void drop_over(struct nc_nodes *n, uint64_t now_s)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->invites_n; i++)
        if (n->invites[i].exp_s > now_s)
            n->invites[kept++] = n->invites[i];
    n->invites_n = kept;
}

size_t nc_nodes_open_invites(const struct nc_nodes *n, uint64_t now_ms)
{
    size_t open = 0;

    for (size_t i = 0; i < n->invites_n; i++)
        open += nc_id_zero(&n->invites[i].used_by) && n->invites[i].exp_s > now_ms / 1000;
    return open;
}

enum nc_err nc_nodes_invite(struct nc_nodes *n, struct nc_pair_code *code)
{
    uint64_t now_s = nc_wall_ms() / 1000;

    drop_over(n, now_s);
    if (n->invites_n == NC_NODES_INVITES)
        return NC_ELIMIT;
    code->node = n->o.self;
    memcpy(code->key, n->o.identity->key, sizeof(code->key));
    nc_random(code->secret, sizeof(code->secret));
    code->exp_s = now_s + NC_NODES_INVITE_S;
    struct nc_invite_open *i = &n->invites[n->invites_n++];
    *i = (struct nc_invite_open){.exp_s = code->exp_s};
    memcpy(i->secret, code->secret, sizeof(i->secret));
    enum nc_err e = nc_nodes_save(n);
    if (e != NC_OK)
        n->invites_n--;
    return e;
}

static struct nc_invite_open *find_invite(struct nc_nodes *n,
                                          const uint8_t id[NC_PAIR_INVITE])
{
    uint8_t its[NC_PAIR_INVITE];

    for (size_t i = 0; i < n->invites_n; i++) {
        nc_pair_invite_of(n->invites[i].secret, its);
        if (nc_same(its, id, sizeof(its)))
            return &n->invites[i];
    }
    return NULL;
}

/* NULL: *why is set. */
static struct nc_invite_open *
invite_for(struct nc_nodes *n, const struct nc_pair_request *r, struct nc_problem *why)
{
    struct nc_invite_open *i = find_invite(n, r->invite);

    if (!i || !nc_pair_request_proves(r, i->secret, n->o.identity->key))
        nc_problem_set(why, NC_P_FORBIDDEN, "there is no such invitation");
    else if (!nc_id_zero(&i->used_by) && !nc_id_eq(&i->used_by, &r->card.id))
        nc_problem_set(why, NC_P_FORBIDDEN, "the invitation was used");
    else if (i->exp_s <= nc_wall_ms() / 1000)
        nc_problem_set(why, NC_P_FORBIDDEN, "the invitation is over");
    else
        return i;
    return NULL;
}

enum nc_err nc_nodes_take(struct nc_nodes *n, const json_t *request,
                          const struct nc_card *self, struct nc_buf *answer,
                          const struct nc_node **node, struct nc_problem *why)
{
    struct nc_pair_request r;
    uint8_t digest[NC_SHA256];

    enum nc_err e = nc_pair_request_read(request, &r, why);
    if (e != NC_OK)
        return e;
    struct nc_id id = r.card.id;
    struct nc_invite_open *i = invite_for(n, &r, why);
    if (!i) {
        nc_card_fini(&r.card);
        return NC_EACCESS;
    }
    /* Used and trusted are written in one go: neither is there without the other. */
    struct nc_id before = i->used_by;
    i->used_by = id;
    nc_pair_request_digest(&r, digest);
    e = nc_nodes_pin(n, &r.card, (int64_t)(r.card.at_ms - nc_wall_ms()), why);
    if (e != NC_OK) {
        i->used_by = before;
        return e;
    }
    *node = nc_nodes_find(n, &id);
    nc_pair_answer_add(n->o.identity, digest, self, answer);
    return NC_OK;
}

/* ---- their tokens --------------------------------------------------------------- */

enum nc_jwt_why nc_nodes_verify(void *arg, struct nc_str token, uint64_t now_ms,
                                unsigned leeway_s, struct nc_jwt *out)
{
    struct nc_nodes *n = arg;
    char iss[NC_ID_TEXT + 1] = "";

    *out = (struct nc_jwt){.iat = 0};
    for (size_t i = 0; i < n->n; i++) {
        struct nc_node *node = n->at[i];
        nc_id_text(&node->card.id, iss);
        enum nc_jwt_why why = nc_jwt_cache_verify(node->tokens, node->ring, token, now_ms,
                                                  leeway_s, iss, out);
        /* A node that publishes another's key only says FOREIGN of its tokens. */
        if (why != NC_JWT_UNKNOWN && why != NC_JWT_FOREIGN)
            return why;
    }
    return NC_JWT_UNKNOWN;
}

/* The keys out of a document {"v":…,"keys":[…]}.  NC_EEXIST: it is not newer. */
static enum nc_err read_doc(const struct nc_node *node, struct nc_str json, uint64_t *v,
                            struct nc_buf *jwks)
{
    json_t *o;
    int64_t stamp;

    if (nc_json_parse(json, &o, NULL) != NC_OK)
        return NC_EINVAL;
    enum nc_err e = nc_json_need_int(o, "v", 1, INT64_MAX, &stamp, NULL);
    if (e == NC_OK && (uint64_t)stamp <= node->jwks_v)
        e = NC_EEXIST;
    if (e == NC_OK) {
        *v = (uint64_t)stamp;
        nc_buf_adds(jwks, NC_STR("{\"keys\":"));
        if (!nc_json_copy(o, "keys", jwks) || jwks->n >= NC_CARD_JWKS_MAX)
            e = NC_EINVAL;
        nc_buf_addc(jwks, '}');
    }
    json_decref(o);
    return e;
}

enum nc_err nc_nodes_jwks(struct nc_nodes *n, const struct nc_id *id, struct nc_str payload)
{
    size_t at = place_of(n, id);
    struct nc_buf below = {0}, jwks = {0};
    struct nc_keyring *ring = NULL;
    char text[NC_ID_TEXT];
    struct nc_str json;
    uint64_t v = 0;

    if (at == n->n)
        return NC_ENOENT;
    struct nc_node *node = n->at[at];
    nc_id_text(id, text);
    nc_buf_printf(&below, "n/%.*s/jwks", NC_ID_TEXT, text);
    enum nc_err e = nc_signed_open(node->card.key, nc_buf_str(&below), payload, &json);
    if (e == NC_OK)
        e = read_doc(node, json, &v, &jwks);
    if (e == NC_OK)
        e = nc_keyring_public(&ring, nc_buf_str(&jwks));
    nc_buf_fini(&below);
    if (e != NC_OK) {
        nc_buf_fini(&jwks);
        return e;
    }
    nc_keyring_free(node->ring);
    node->ring = ring;
    /* It never looks at keys: what was good with one that is gone must go. */
    nc_jwt_cache_clear(node->tokens);
    nc_buf_fini(&node->card.jwks);
    node->card.jwks = jwks;
    node->jwks_v = v;
    node->seen_ms = nc_wall_ms();
    if (nc_nodes_save(n) != NC_OK)
        nc_log(NC_WARN, "mesh.kept", "node=%s", node->card.name);
    return NC_OK;
}

void nc_nodes_clock(struct nc_nodes *n, const struct nc_id *id, int64_t off_ms)
{
    size_t at = place_of(n, id);

    if (at < n->n)
        n->at[at]->clock_off_ms = off_ms;
}

void nc_nodes_seen(struct nc_nodes *n, const struct nc_id *id)
{
    size_t at = place_of(n, id);
    uint64_t now = nc_wall_ms();

    if (at == n->n)
        return;
    bool keep = now > n->at[at]->seen_ms + SEEN_KEPT_MS;
    n->at[at]->seen_ms = now;
    if (keep && nc_nodes_save(n) != NC_OK)
        nc_log(NC_WARN, "mesh.kept", "node=%s", n->at[at]->card.name);
}
