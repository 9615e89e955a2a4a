/* Who else is at a broker, and what nodes say there of themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mesh/rendezvous.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"
#include "wire/signed.h"

enum { READY_MS = 5000 /* a broker that does not give the mark back */ };

/* What is lost by this is told again by whoever cares. */
static void publish_own(struct nc_user_end *e, struct nc_str rest, struct nc_str payload,
                        bool retain)
{
    struct nc_mqtt_out m = {.topic = nc_users_own_topic(e->users, rest),
                            .payload = payload,
                            .qos = 1,
                            .retain = retain};

    if (nc_users_publish(e, &m) != NC_OK)
        nc_log(NC_DEBUG, "users.unsaid", "topic=%.*s", NC_FMT(rest));
}

bool nc_users_alone(const struct nc_user_end *e) { return e->peers_n == 0; }

bool nc_users_first(const struct nc_user_end *e, const struct nc_id *room)
{
    struct nc_id all[NC_PEERS_MAX + 1];

    all[0] = e->users->self;
    memcpy(all + 1, e->peers, e->peers_n * sizeof e->peers[0]);
    return nc_rendezvous(room, all, e->peers_n + 1) == 0;
}

bool nc_users_lowest(const struct nc_user_end *e)
{
    for (unsigned i = 0; i < e->peers_n; i++)
        if (nc_id_cmp(&e->peers[i], &e->users->self) < 0)
            return false;
    return true;
}

static void set_peer(struct nc_user_end *e, const struct nc_id *node, bool here)
{
    unsigned i = 0;

    while (i < e->peers_n && !nc_id_eq(&e->peers[i], node))
        i++;
    if (here == (i < e->peers_n) || (here && e->peers_n == NC_PEERS_MAX))
        return;
    if (here)
        e->peers[e->peers_n++] = *node;
    else
        e->peers[i] = e->peers[--e->peers_n];
    if (e->ready)
        nc_render_begin(e);
}

static bool is_here(struct nc_str payload)
{
    json_t *doc;

    if (payload.n <= NC_SIGNED_HEAD)
        return false;
    payload.p += NC_SIGNED_HEAD;
    payload.n -= NC_SIGNED_HEAD;
    if (nc_json_parse(payload, &doc, NULL) != NC_OK)
        return false;
    bool here = !json_is_true(json_object_get(doc, "leaving"));
    json_decref(doc);
    return here;
}

void nc_users_say_here(struct nc_user_end *e, bool leaving)
{
    struct nc_users *u = e->users;
    struct nc_buf json = {0}, below = {0}, payload = {0};
    struct nc_json j = nc_json_to(&json);

    nc_json_obj(&j);
    nc_json_kuint(&j, "v", nc_hlc_now(&u->chat->clock));
    nc_json_kuint(&j, "since", nc_wall_ms());
    nc_json_kstr(&j, "name", nc_str(u->name));
    if (leaving)
        nc_json_kbool(&j, "leaving", true);
    nc_json_obj_end(&j);
    nc_mqtt_node_add(&below, NC_STR(""), &u->self, NC_STR("here"));
    nc_signed_add(u->o.identity, nc_buf_str(&below), nc_buf_str(&json), &payload);
    publish_own(e, NC_STR("here"), nc_buf_str(&payload), true);
    nc_buf_fini(&json);
    nc_buf_fini(&below);
    nc_buf_fini(&payload);
}

/* ---- what it keeps of us has come ------------------------------------------ */

static void on_ready(struct nc_user_end *e)
{
    nc_loop_deadline(e->users->o.loop, &e->barrier, 0);
    if (e->ready)
        return;
    e->ready = true;
    nc_users_say_early(e);
    nc_render_begin(e);
}

void nc_users_no_mark(struct nc_deadline *d)
{
    struct nc_user_end *e = nc_of(d, struct nc_user_end, barrier);

    nc_log(NC_WARN, "users.no_mark", "ms=%d", READY_MS);
    on_ready(e);
}

/* What is kept for us comes before a mark that is published after it was asked for. */
void nc_users_ask_mark(struct nc_user_end *e)
{
    char text[24];

    e->nonce++;
    snprintf(text, sizeof text, "%016llx",
             (unsigned long long)(e->nonce ^ e->users->self.b[15] ^ nc_mono_ns()));
    e->nonce = strtoull(text, NULL, 16);
    publish_own(e, NC_STR("mark"), nc_str(text), false);
    nc_loop_deadline(e->users->o.loop, &e->barrier, READY_MS);
}

/* ---- what nodes say --------------------------------------------------------- */

static void on_own(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                   const struct nc_mqtt_in *m)
{
    char text[24];

    if (nc_str_eqz(t->rest, "mark") && m->payload.n && m->payload.n < sizeof text) {
        memcpy(text, m->payload.p, m->payload.n);
        text[m->payload.n] = 0;
        if (strtoull(text, NULL, 16) == e->nonce)
            on_ready(e);
    } else if (nc_str_eqz(t->rest, "rendered")) {
        /* Only what it keeps: one of ours that waited in a queue tells of what it had. */
        if (m->retain)
            nc_render_rendered(e, NULL, m->payload);
    } else if (nc_str_eqz(t->rest, "here") && nc_str_eq(m->payload, NC_USERS_GONE) &&
               !e->users->stopped) {
        nc_users_say_here(e, false); /* the will of a connection before this one */
    }
}

void nc_users_on_node(struct nc_user_end *e, const struct nc_mqtt_topic *t,
                      const struct nc_mqtt_in *m)
{
    struct nc_users *u = e->users;

    if (nc_id_eq(&t->node, &u->self)) {
        on_own(e, t, m);
        return;
    }
    if (!u->o.is_peer || !u->o.is_peer(u->o.arg, &t->node))
        return;
    if (nc_str_eqz(t->rest, "here"))
        set_peer(e, &t->node, is_here(m->payload));
    else if (nc_str_eqz(t->rest, "rendered"))
        nc_render_rendered(e, &t->node, m->payload);
    else if (nc_str_eqz(t->rest, "took"))
        nc_users_taken(u, m->payload);
}
