#include "client/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/place.h"
#include "client/servers.h"
#include "client/words.h"

enum { PAGE = 60 };

static void changed(struct nc_remote *r, unsigned what, const struct nc_id *room)
{
    r->set->ops->changed(r->set->arg, what, room);
}

static void said(struct nc_remote *r, const char *words)
{
    r->set->ops->said(r->set->arg, words);
}

static struct nc_model_room *seen(const struct nc_remote *r)
{
    return nc_id_zero(&r->set->seen) ? NULL : nc_model_room(&r->set->model, &r->set->seen);
}

/* ---- rooms ---------------------------------------------------------------- */

static void on_rooms(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;

    if (a->err == NC_ECLOSED)
        return;
    r->rooms_loading = false;
    if (nc_answer_ok(a)) {
        struct nc_model_room *here;
        nc_model_take_rooms(&r->set->model, r->from, json_object_get(a->body, "rooms"));
        r->rooms_loaded = true;
        if ((here = seen(r))) {
            here->unread = here->mentions = 0;
            if (r->set->n > 1) /* it may hold the room, too, and more of it */
                nc_servers_look(r->set, &here->id);
        }
        changed(r, NC_CHANGED_ROOMS, NULL);
    } else if (!nc_answer_passing(a)) {
        said(r, a->detail);
    }
    if (r->rooms_again) {
        r->rooms_again = false;
        nc_remote_rooms(r);
    }
}

/* Several reasons to ask while an answer is on its way are one more question. */
void nc_remote_rooms(struct nc_remote *r)
{
    if (r->rooms_loading) {
        r->rooms_again = true;
        return;
    }
    r->rooms_loading = true;
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", "/api/v1/rooms", {0}, 0}, on_rooms, r);
}

/* ---- history -------------------------------------------------------------- */

struct page {
    struct nc_remote *r;
    struct nc_id room;
    bool older;
};

static void on_page(void *arg, const struct nc_answer *a)
{
    struct page *p = arg;
    struct nc_remote *r = p->r;
    struct nc_id id = p->room;
    bool older = p->older;
    struct nc_model *m = &r->set->model;
    struct nc_model_room *room;

    free(p);
    if (a->err == NC_ECLOSED || !(room = nc_model_room(m, &id)))
        return;
    room->loading &= ~(1u << r->from);
    if (nc_answer_ok(a)) {
        nc_model_take_page(m, r->from, room, a->body, older);
        if (!older && nc_id_eq(&r->set->seen, &id))
            nc_servers_mark_read(r->set);
    } else if (!nc_answer_passing(a)) {
        said(r, a->detail);
    }
    changed(r, NC_CHANGED_MESSAGES, &id);
}

void nc_remote_page(struct nc_remote *r, struct nc_model_room *room,
                    const struct nc_id *before)
{
    char id[NC_ID_TEXT], border[NC_ID_TEXT];
    struct nc_buf path = {0};
    struct page *p = nc_alloc(sizeof *p);

    *p = (struct page){r, room->id, before != NULL};
    room->loading |= 1u << r->from;
    nc_id_text(&room->id, id);
    nc_buf_printf(&path, "/api/v1/rooms/%.*s/messages?limit=%d", NC_ID_TEXT, id, PAGE);
    if (before) {
        nc_id_text(before, border);
        nc_buf_printf(&path, "&before=%.*s", NC_ID_TEXT, border);
    }
    nc_buf_addc(&path, '\0');
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", path.p, {0}, 0}, on_page, p);
    nc_buf_fini(&path);
}

static void on_members(void *arg, const struct nc_answer *a)
{
    struct page *p = arg;
    struct nc_model_room *room =
        a->err == NC_ECLOSED ? NULL : nc_model_room(&p->r->set->model, &p->room);

    if (room && nc_answer_ok(a)) {
        nc_model_take_members(room, json_object_get(a->body, "members"));
        changed(p->r, NC_CHANGED_STATUS, &room->id);
    }
    free(p);
}

void nc_remote_members(struct nc_remote *r, struct nc_model_room *room)
{
    char path[128], id[NC_ID_TEXT];
    struct page *p = nc_alloc(sizeof *p);

    *p = (struct page){r, room->id, false};
    room->people_loaded = true;
    nc_id_text(&room->id, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/members", NC_ID_TEXT, id);
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", path, {0}, 0}, on_members, p);
}

/* ---- the live channel ----------------------------------------------------- */

/* One server stored it and died before it could say so; another tells of it.  Only the
 * sender's own copy has the client_id. */
static void settle(struct nc_remote *r, const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    const char *text = json_string_value(json_object_get(message, "client_id"));
    struct nc_outbox_item *it;
    struct nc_outbox *box;
    struct nc_id id;

    if (r->set->n == 1 || !text || nc_id_parse(nc_str(text), &id) != NC_OK ||
        !(it = nc_servers_sent(r->set, &id, &box)))
        return;
    nc_outbox_drop(box, it);
    nc_servers_pump(r->set);
}

static void on_event(void *arg, json_t *event)
{
    struct nc_remote *r = arg;
    const char *type = json_string_value(json_object_get(event, "type"));
    struct nc_model_room *room;

    if (type && (strcmp(type, "ack") == 0 || strcmp(type, "error") == 0)) {
        nc_remote_answer(r, event, type);
        return;
    }
    struct nc_model_room *here = seen(r);
    unsigned what =
        nc_model_event(&r->set->model, r->from, event, nc_mono_ms(), here, &room);
    settle(r, event);
    if (what & NC_CHANGED_ASK)
        nc_remote_rooms(r);
    if (room && room == here && (what & NC_CHANGED_MESSAGES))
        nc_servers_mark_read(r->set);
    if (room && room == here && (what & NC_CHANGED_AI))
        nc_remote_ask_ai(r, room);
    what &= ~(unsigned)(NC_CHANGED_ASK | NC_CHANGED_AI);
    if (what)
        changed(r, what, room ? &room->id : NULL);
}

static void reload(struct nc_remote *r)
{
    struct nc_model *m = &r->set->model;

    nc_origins_fini(&m->origins); /* it may be another life of the node: it counts anew */
    for (size_t i = 0; i < m->n; i++) {
        if (!(m->rooms[i]->servers & 1u << r->from))
            continue;
        nc_model_forget(m->rooms[i]);
        m->rooms[i]->people_loaded = false;
    }
    nc_remote_rooms(r);
    if (seen(r))
        nc_servers_look(r->set, &r->set->seen);
}

static void on_resync(void *arg) { reload(arg); }

static void on_nodes(void *arg, const json_t *nodes)
{
    nc_elsewhere_take(&((struct nc_remote *)arg)->elsewhere, nodes);
}

static void on_state(void *arg, enum nc_live_state s, const char *why)
{
    struct nc_remote *r = arg;

    if (why) {
        free(r->why);
        r->why = nc_str_dup(nc_str(why));
    }
    if (s == NC_LIVE_ONLINE) {
        r->refused = false;
        nc_loop_deadline(r->loop, &r->away, 0);
        nc_servers_up(r->set, r);
    } else if (s == NC_LIVE_PAUSE || s == NC_LIVE_OVER || s == NC_LIVE_IDLE)
        nc_servers_down(r->set, r);
    if (s == NC_LIVE_PAUSE || s == NC_LIVE_TOKEN)
        nc_remote_lost(r);
    if (s == NC_LIVE_OVER && r->api.session.guest) {
        nc_remote_guest_over(r);
    } else if (s == NC_LIVE_OVER) {
        nc_session_drop(&r->api.session);
        r->set->ops->login(r->set->arg, r);
    }
    changed(r, NC_CHANGED_STATUS, NULL);
}

/* ---- coming and going ----------------------------------------------------- */

/* What it alone told us, the others' stays. */
static void leave(struct nc_remote *r)
{
    if (r->set->n == 1)
        nc_model_fini(&r->set->model);
    else
        nc_model_leave(&r->set->model, r->from);
    if (!seen(r))
        r->set->seen = (struct nc_id){0};
    r->rooms_loaded = false;
}

static void begin(struct nc_remote *r)
{
    struct nc_model *m = &r->set->model;
    const struct nc_tokens *t = &r->api.session.tokens;
    char *box = nc_place_outbox(r->elsewhere.home, t->username);

    free(r->user);
    r->user = nc_str_dup(nc_str(t->username));

    nc_outbox_close(&r->outbox);
    if (!nc_id_eq(&m->me[r->from].id, &t->user)) /* another person sees other rooms */
        leave(r);
    r->rooms_loaded = false;
    nc_model_me(m, r->from, &t->user, t->username);
    if (!box || nc_outbox_open(&r->outbox, box) != NC_OK) {
        /* Sending still works; it just would not survive us. */
        said(r, nc_word(NC_W_NO_OUTBOX));
        if (nc_outbox_open(&r->outbox, NULL) != NC_OK)
            r->outbox = (struct nc_outbox){0};
    }
    free(box);
    nc_live_start(r->live);
}

static void on_entered(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;

    if (a->err == NC_ECLOSED)
        return;
    if (!nc_answer_ok(a))
        said(r, a->detail);
    else if (nc_session_take(&r->api.session, a->body) != NC_OK)
        said(r, nc_word(NC_W_BAD_ANSWER));
    else
        begin(r);
    changed(r, NC_CHANGED_STATUS | NC_CHANGED_ROOMS, NULL);
}

void nc_remote_enter(struct nc_remote *r, bool is_new, struct nc_str body)
{
    nc_api_call(&r->api,
                &(struct nc_api_ask){
                    "POST", is_new ? "/api/v1/auth/register" : "/api/v1/auth/login", body,
                    NC_API_BARE},
                on_entered, r);
}

static void on_logout(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;

    if (a->err == NC_ECLOSED)
        return;
    nc_session_drop(&r->api.session);
    nc_remote_forget_home(r);
    nc_outbox_close(&r->outbox);
    leave(r);
    r->set->ops->login(r->set->arg, r);
}

void nc_remote_logout(struct nc_remote *r)
{
    nc_live_stop(r->live);
    nc_loop_deadline(r->loop, &r->away, 0);
    nc_api_call(&r->api, &(struct nc_api_ask){"POST", "/api/v1/auth/logout", {0}, 0},
                on_logout, r);
}

enum nc_err nc_remote_init(struct nc_remote *r, struct nc_servers *set, unsigned from,
                           const struct nc_api_opts *o)
{
    static const struct nc_live_ops live_ops = {
        .state = on_state, .event = on_event, .resync = on_resync, .nodes = on_nodes};

    *r = (struct nc_remote){.set = set, .from = from, .loop = o->loop};
    nc_api_init(&r->api, o);
    nc_elsewhere_init(&r->elsewhere, r->api.url);
    r->away.fire = nc_remote_on_away;
    return nc_outbox_open(&r->outbox, NULL) == NC_OK &&
                   (r->live = nc_live_new(&r->api, &live_ops, r))
               ? NC_OK
               : NC_EIO;
}

void nc_remote_begin(struct nc_remote *r, const char *user)
{
    if (nc_session_load(&r->api.session, user) == NC_OK)
        begin(r);
    else
        r->set->ops->login(r->set->arg, r);
}

void nc_remote_close(struct nc_remote *r)
{
    nc_live_free(r->live);
    r->live = NULL;
    nc_api_fini(&r->api);
    nc_outbox_close(&r->outbox);
    nc_loop_deadline(r->loop, &r->away, 0);
    nc_elsewhere_fini(&r->elsewhere);
    free(r->user);
    r->user = NULL;
    free(r->why);
    r->why = NULL;
}
