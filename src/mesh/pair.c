#include "mesh/pair.h"

#include <string.h>

#include "base/encode.h"
#include "wire/json.h"
#include "wire/json_in.h"

/* What is signed begins with a word and a NUL, as nothing else does that nodes sign. */
static const struct nc_str join_word = {"nc-mesh-join", 13},
                           joined_word = {"nc-mesh-joined", 15},
                           invite_word = {"nc-mesh-invite", 15};

void nc_pair_invite_of(const uint8_t secret[NC_PAIR_SECRET], uint8_t out[NC_PAIR_INVITE])
{
    uint8_t hash[NC_SHA256];

    nc_hmac_sha256(secret, NC_PAIR_SECRET, invite_word.p, invite_word.n, hash);
    memcpy(out, hash, NC_PAIR_INVITE);
}

static void signed_request(struct nc_buf *out, const uint8_t inviter[NC_IDENTITY_KEY],
                           struct nc_str text)
{
    nc_buf_adds(out, join_word);
    nc_buf_add(out, inviter, NC_IDENTITY_KEY);
    nc_buf_adds(out, text);
}

static void signed_answer(struct nc_buf *out, const uint8_t digest[NC_SHA256],
                          struct nc_str text)
{
    nc_buf_adds(out, joined_word);
    nc_buf_add(out, digest, NC_SHA256);
    nc_buf_adds(out, text);
}

static void write_bytes(struct nc_json *j, const char *key, const void *p, size_t n)
{
    struct nc_buf text = {0};

    nc_b64url_add(&text, p, n);
    nc_json_kstr(j, key, nc_buf_str(&text));
    nc_buf_fini(&text);
}

/* The card as text, for both to sign. */
static void card_text(struct nc_buf *out, const struct nc_card *card)
{
    struct nc_json j = nc_json_to(out);

    nc_json_obj(&j);
    nc_card_write(&j, card);
    nc_json_obj_end(&j);
}

static bool read_bytes(const json_t *o, const char *key, void *out, size_t n,
                       struct nc_problem *why)
{
    struct nc_str text;
    size_t got;

    if (nc_json_need_str(o, key, 1, 2 * n, &text, why) != NC_OK)
        return false;
    if (nc_b64url_decode(text, out, n, &got) == NC_OK && got == n)
        return true;
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` is not %zu bytes in base64url", key, n);
    return false;
}

static bool read_card(struct nc_str text, struct nc_card *out, struct nc_problem *why)
{
    json_t *o;

    if (nc_json_parse(text, &o, why) != NC_OK)
        return false;
    enum nc_err e = nc_card_read(o, out, why);
    json_decref(o);
    return e == NC_OK;
}

/* ---- who joins ------------------------------------------------------------- */

static void digest_of(struct nc_str text, uint8_t digest[NC_SHA256])
{
    nc_sha256(text.p, text.n, digest);
}

void nc_pair_request_add(const struct nc_identity *i, const struct nc_pair_code *code,
                         const struct nc_card *card, struct nc_buf *out,
                         uint8_t digest[NC_SHA256])
{
    uint8_t invite[NC_PAIR_INVITE], proof[NC_SHA256], sig[NC_IDENTITY_SIG];
    struct nc_buf text = {0}, bytes = {0};
    struct nc_json j = nc_json_to(out);

    card_text(&text, card);
    signed_request(&bytes, code->key, nc_buf_str(&text));
    nc_pair_invite_of(code->secret, invite);
    nc_hmac_sha256(code->secret, NC_PAIR_SECRET, bytes.p, bytes.n, proof);
    nc_identity_sign(i, nc_buf_str(&bytes), sig);
    digest_of(nc_buf_str(&text), digest);
    nc_json_obj(&j);
    write_bytes(&j, "invite", invite, sizeof(invite));
    nc_json_kstr(&j, "card", nc_buf_str(&text));
    write_bytes(&j, "proof", proof, sizeof(proof));
    write_bytes(&j, "signature", sig, sizeof(sig));
    nc_json_obj_end(&j);
    nc_buf_fini(&text);
    nc_buf_fini(&bytes);
}

enum nc_err nc_pair_request_read(const json_t *body, struct nc_pair_request *out,
                                 struct nc_problem *why)
{
    *out = (struct nc_pair_request){.text = {0}};
    if (!read_bytes(body, "invite", out->invite, sizeof(out->invite), why) ||
        !read_bytes(body, "proof", out->proof, sizeof(out->proof), why) ||
        !read_bytes(body, "signature", out->signature, sizeof(out->signature), why) ||
        nc_json_need_text(body, "card", 2 * NC_CARD_JWKS_MAX, &out->text, why) != NC_OK ||
        !read_card(out->text, &out->card, why))
        return NC_EINVAL;
    return NC_OK;
}

bool nc_pair_request_proves(const struct nc_pair_request *r,
                            const uint8_t secret[NC_PAIR_SECRET],
                            const uint8_t inviter[NC_IDENTITY_KEY])
{
    uint8_t proof[NC_SHA256];
    struct nc_buf bytes = {0};

    signed_request(&bytes, inviter, r->text);
    nc_hmac_sha256(secret, NC_PAIR_SECRET, bytes.p, bytes.n, proof);
    bool ok = nc_same(proof, r->proof, sizeof(proof)) &&
              nc_identity_verify(r->card.key, nc_buf_str(&bytes), r->signature);
    nc_buf_fini(&bytes);
    return ok;
}

void nc_pair_request_digest(const struct nc_pair_request *r, uint8_t digest[NC_SHA256])
{
    digest_of(r->text, digest);
}

/* ---- who invited ----------------------------------------------------------- */

void nc_pair_answer_add(const struct nc_identity *i, const uint8_t digest[NC_SHA256],
                        const struct nc_card *card, struct nc_buf *out)
{
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_buf text = {0}, bytes = {0};
    struct nc_json j = nc_json_to(out);

    card_text(&text, card);
    signed_answer(&bytes, digest, nc_buf_str(&text));
    nc_identity_sign(i, nc_buf_str(&bytes), sig);
    nc_json_obj(&j);
    nc_json_kstr(&j, "card", nc_buf_str(&text));
    write_bytes(&j, "signature", sig, sizeof(sig));
    nc_json_obj_end(&j);
    nc_buf_fini(&text);
    nc_buf_fini(&bytes);
}

static enum nc_err open_answer(const json_t *o, const struct nc_pair_code *code,
                               const uint8_t digest[NC_SHA256], struct nc_card *out,
                               struct nc_problem *why)
{
    uint8_t sig[NC_IDENTITY_SIG];
    struct nc_buf bytes = {0};
    struct nc_str text;

    if (!read_bytes(o, "signature", sig, sizeof(sig), why) ||
        nc_json_need_text(o, "card", 2 * NC_CARD_JWKS_MAX, &text, why) != NC_OK)
        return NC_EINVAL;
    signed_answer(&bytes, digest, text);
    bool ours = nc_identity_verify(code->key, nc_buf_str(&bytes), sig);
    nc_buf_fini(&bytes);
    if (!ours) {
        nc_problem_set(why, NC_P_BAD_GATEWAY,
                       "who answers there is not the node that the code names");
        return NC_EACCESS;
    }
    if (!read_card(text, out, why))
        return NC_EINVAL;
    if (nc_id_eq(&out->id, &code->node) && nc_same(out->key, code->key, sizeof(out->key)))
        return NC_OK;
    nc_card_fini(out);
    nc_problem_set(why, NC_P_BAD_GATEWAY,
                   "the node there has another id than the code says");
    return NC_EACCESS;
}

enum nc_err nc_pair_answer_open(struct nc_str body, const struct nc_pair_code *code,
                                const uint8_t digest[NC_SHA256], struct nc_card *out,
                                struct nc_problem *why)
{
    json_t *o;

    *out = (struct nc_card){.urls_n = 0};
    enum nc_err e = nc_json_parse(body, &o, why);
    if (e != NC_OK)
        return e;
    e = open_answer(o, code, digest, out, why);
    json_decref(o);
    return e;
}
