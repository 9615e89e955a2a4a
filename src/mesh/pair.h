/*
 * mesh/pair: the two texts with which nodes come to trust one another.
 *
 * Who joins sends {"invite","card","proof","signature"}: which invitation, its card as a
 * text, HMAC-SHA256 of that with the invitation's secret, and its signature.  The secret
 * itself never travels, so who listens learns nothing, and who changes anything spoils it.
 * Who invited answers {"card","signature"}, signed over the request, too: it must be the
 * key that the code names.  So neither needs to trust what carries them.  Pure.
 */
#pragma once

#include "crypto/hash.h"
#include "mesh/card.h"

#define NC_PAIR_INVITE 16 /* bytes: which invitation; tells nothing of its secret */

struct nc_pair_request {
    uint8_t invite[NC_PAIR_INVITE];
    uint8_t proof[NC_SHA256], signature[NC_IDENTITY_SIG];
    struct nc_str text; /* the card as it was signed: a view into what was read */
    struct nc_card card;
};

void nc_pair_invite_of(const uint8_t secret[NC_PAIR_SECRET], uint8_t out[NC_PAIR_INVITE]);

/* Appends the request; `digest` is what the answer must be signed over. */
void nc_pair_request_add(const struct nc_identity *i, const struct nc_pair_code *code,
                         const struct nc_card *card, struct nc_buf *out,
                         uint8_t digest[NC_SHA256]);
/* NC_EINVAL, with *why.  The text lives as long as `body`; end it by
 * nc_card_fini(&out->card). */
NC_MUSTUSE enum nc_err nc_pair_request_read(const json_t *body, struct nc_pair_request *out,
                                            struct nc_problem *why);
/* Whether it was made with that secret, for the node with `inviter` as its key, by who has
 * the card's key. */
bool nc_pair_request_proves(const struct nc_pair_request *r,
                            const uint8_t secret[NC_PAIR_SECRET],
                            const uint8_t inviter[NC_IDENTITY_KEY]);
void nc_pair_request_digest(const struct nc_pair_request *r, uint8_t digest[NC_SHA256]);

void nc_pair_answer_add(const struct nc_identity *i, const uint8_t digest[NC_SHA256],
                        const struct nc_card *card, struct nc_buf *out);
/* NC_EINVAL: no answer, NC_EACCESS: not of the node that the code names; *why says it. */
NC_MUSTUSE enum nc_err nc_pair_answer_open(struct nc_str body,
                                           const struct nc_pair_code *code,
                                           const uint8_t digest[NC_SHA256],
                                           struct nc_card *out, struct nc_problem *why);
