/*
 * To another node of the mesh, when the one we are at is away.
 *
 * After a while of silence the next address is tried, and so on round, home again too.  An
 * access token is good at every node of a mesh until it ends; then only its own node has
 * another, and elsewhere the password is asked for, once somebody is known to be there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/remote.h"
#include "client/servers.h"
#include "client/words.h"

#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* formats are words of two languages */

enum {
    AWAY_MS = 10000, /* how long the first is waited for … */
    NEXT_MS = 5000,  /* … and each of the others */
};

static void wait(struct nc_remote *r, uint64_t ms)
{
    nc_loop_deadline(r->loop, &r->away, ms);
}

void nc_remote_lost(struct nc_remote *r)
{
    if (!r->away.due && nc_elsewhere_next(&r->elsewhere, r->api.url))
        wait(r, AWAY_MS);
}

static bool is_anothers(const struct nc_remote *r, const char *url)
{
    for (size_t i = 0; i < r->set->n; i++)
        if (&r->set->v[i] != r && strcmp(r->set->v[i].api.url, url) == 0)
            return true;
    return false;
}

static void tell(struct nc_remote *r, const char *format)
{
    char words[240];

    snprintf(words, sizeof words, format, r->api.url);
    r->set->ops->said(r->set->arg, words);
    r->set->ops->changed(r->set->arg, NC_CHANGED_STATUS, NULL);
}

/* Somebody is there, but we have nothing to show: the password, then. */
static void on_probed(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;

    if (a->err == NC_ECLOSED)
        return;
    if (!nc_answer_ok(a) || nc_session_present(&r->api.session)) {
        wait(r, 1);
        return;
    }
    r->set->ops->login(r->set->arg, r);
}

static void go(struct nc_remote *r, const char *url)
{
    char *to = nc_str_dup(nc_str(url));

    free(r->api.url);
    r->api.url = to;
    if (nc_session_move(&r->api.session, to, r->elsewhere.home, r->user, r->refused) ==
        NC_OK) {
        wait(r, NEXT_MS);
        nc_live_move(r->live);
        tell(r, nc_word(NC_W_MOVED));
    } else {
        nc_api_call(&r->api, &(struct nc_api_ask){"GET", "/healthz", {0}, NC_API_BARE},
                    on_probed, r);
    }
}

void nc_remote_on_away(struct nc_deadline *d)
{
    struct nc_remote *r = nc_of(d, struct nc_remote, away);
    const char *url = r->api.url;

    if (r->api.session.busy) { /* its answer belongs to the node that is asked */
        wait(r, 500);
        return;
    }
    for (unsigned i = 0; i <= NC_ELSEWHERE_MAX; i++) {
        url = nc_elsewhere_next(&r->elsewhere, url);
        if (!url || strcmp(url, r->api.url) == 0)
            return;
        if (!is_anothers(r, url)) {
            go(r, url);
            return;
        }
    }
}

void nc_remote_forget_home(struct nc_remote *r)
{
    if (strcmp(r->api.url, r->elsewhere.home) == 0)
        return;
    free(r->api.url);
    r->api.url = nc_str_dup(nc_str(r->elsewhere.home));
    if (nc_session_move(&r->api.session, r->api.url, r->api.url, r->user, true) == NC_OK)
        nc_session_drop(&r->api.session);
}

/* Its own node may be back; if not, the next one asks for the password. */
void nc_remote_guest_over(struct nc_remote *r)
{
    r->refused = true;
    go(r, r->elsewhere.home);
}
