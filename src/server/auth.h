/*
 * server/auth: who asks: from a header, a ticket or a cookie to a user.
 *
 * "Authorization: Bearer" with an access token or a key, or "?ticket=" on a GET.  What
 * is refused is told in words that say nothing of whether somebody exists.
 */
#pragma once

#include "chat/people/key.h"

struct nc_call;

/*
 * Who makes this call?  By the route's flags: on a public one nobody in particular is
 * fine (out->user is NULL), but what is shown must hold; a route that reads the refresh
 * cookie looks at no token at all.
 *
 * done:    called if NC_AGAIN is returned (a key must be looked up), with call as arg;
 * returns: NC_OK *out is set; NC_AGAIN; NC_EACCESS *why says what to answer.
 */
NC_MUSTUSE enum nc_err nc_auth_request(struct nc_call *call, struct nc_auth *out,
                                       struct nc_problem *why, nc_auth_fn *done);
/* Before the body is there: does it show a token that holds, or what may be a key? */
bool nc_auth_plausible(const struct nc_call *call, struct nc_problem *why);
/* Of one that is plausible: is it also known to hold?  A key may have to be looked up. */
bool nc_auth_known(const struct nc_call *call);
/* The same of a token alone, as WebSocket frames carry it. */
NC_MUSTUSE enum nc_err nc_auth_token(struct nc_chat *c, struct nc_str token,
                                     struct nc_str address, struct nc_auth *out,
                                     struct nc_problem *why, nc_auth_fn *done, void *arg);

/* The refresh token as a cookie; empty: take it away.  secure: see nc_auth_secure. */
void nc_auth_set_cookie(struct nc_call *call, struct nc_str refresh_token,
                        unsigned max_age_s, bool secure);
struct nc_str nc_auth_cookie(const struct nc_call *call); /* {NULL,0} if there is none */
/* Cookies are marked Secure, but not for plain HTTP on this machine. */
bool nc_auth_secure(const struct nc_call *call);
/* Where the call comes from: views that live as long as the request. */
struct nc_from nc_auth_from(const struct nc_call *call);
