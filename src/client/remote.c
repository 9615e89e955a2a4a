#include "client/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/place.h"
#include "client/words.h"

enum { PAGE = 60, GLANCE_MS = 10000 };

static void changed(struct nc_remote *r, unsigned what, const struct nc_id *room)
{
    r->ops->changed(r->arg, what, room);
}

static struct nc_model_room *seen(const struct nc_remote *r)
{
    return nc_id_zero(&r->seen) ? NULL : nc_model_room(&r->model, &r->seen);
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
        nc_model_take_rooms(&r->model, json_object_get(a->body, "rooms"));
        r->rooms_loaded = true;
        if ((here = seen(r)))
            here->unread = here->mentions = 0;
        changed(r, NC_CHANGED_ROOMS, NULL);
    } else if (!nc_answer_passing(a)) {
        r->ops->said(r->arg, a->detail);
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
    struct nc_model_room *room;

    free(p);
    if (a->err == NC_ECLOSED || !(room = nc_model_room(&r->model, &id)))
        return;
    room->loading = false;
    if (nc_answer_ok(a)) {
        nc_model_take_page(&r->model, room, a->body, older);
        if (!older && nc_id_eq(&r->seen, &id))
            nc_remote_mark_read(r);
    } else if (!nc_answer_passing(a)) {
        r->ops->said(r->arg, a->detail);
    }
    changed(r, NC_CHANGED_MESSAGES, &id);
}

static void ask_page(struct nc_remote *r, struct nc_model_room *room,
                     const struct nc_id *before)
{
    char id[NC_ID_TEXT], border[NC_ID_TEXT];
    struct nc_buf path = {0};
    struct page *p = nc_alloc(sizeof *p);

    *p = (struct page){r, room->id, before != NULL};
    room->loading = true;
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

void nc_remote_older(struct nc_remote *r, struct nc_model_room *room)
{
    if (room->loading || (room->loaded && !room->has_more))
        return;
    ask_page(r, room, room->loaded && room->n ? &room->messages[0]->id : NULL);
}

static void on_members(void *arg, const struct nc_answer *a)
{
    struct page *p = arg;
    struct nc_model_room *room =
        a->err == NC_ECLOSED ? NULL : nc_model_room(&p->r->model, &p->room);

    if (room && nc_answer_ok(a)) {
        nc_model_take_members(room, json_object_get(a->body, "members"));
        changed(p->r, NC_CHANGED_STATUS, &room->id);
    }
    free(p);
}

static void ask_members(struct nc_remote *r, struct nc_model_room *room)
{
    char path[128], id[NC_ID_TEXT];
    struct page *p = nc_alloc(sizeof *p);

    *p = (struct page){r, room->id, false};
    room->people_loaded = true;
    nc_id_text(&room->id, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s/members", NC_ID_TEXT, id);
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", path, {0}, 0}, on_members, p);
}

void nc_remote_look(struct nc_remote *r, const struct nc_id *id)
{
    struct nc_model_room *room = nc_model_room(&r->model, id), *before = seen(r);

    if (before && before != room)
        before->first_unread = (struct nc_id){0};
    r->seen = room ? *id : (struct nc_id){0};
    if (!room)
        return;
    if (!room->loaded && !room->loading)
        ask_page(r, room, NULL);
    else if (room->loaded)
        nc_remote_mark_read(r);
    if (!room->people_loaded)
        ask_members(r, room);
    nc_remote_ask_ai(r, room);
}

/* ---- the live channel ----------------------------------------------------- */

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
    unsigned what = nc_model_event(&r->model, event, nc_mono_ms(), here, &room);
    if (what & NC_CHANGED_ASK)
        nc_remote_rooms(r);
    if (room && room == here && (what & NC_CHANGED_MESSAGES))
        nc_remote_mark_read(r);
    if (room && room == here && (what & NC_CHANGED_AI))
        nc_remote_ask_ai(r, room);
    what &= ~(unsigned)(NC_CHANGED_ASK | NC_CHANGED_AI);
    if (what)
        changed(r, what, room ? &room->id : NULL);
}

static void reload(struct nc_remote *r)
{
    for (size_t i = 0; i < r->model.n; i++) {
        nc_model_forget(r->model.rooms[i]);
        r->model.rooms[i]->people_loaded = false;
    }
    nc_remote_rooms(r);
    if (seen(r))
        nc_remote_look(r, &r->seen);
}

static void on_resync(void *arg) { reload(arg); }

static void on_state(void *arg, enum nc_live_state s, const char *why)
{
    struct nc_remote *r = arg;

    if (why) {
        free(r->why);
        r->why = nc_str_dup(nc_str(why));
    }
    if (s == NC_LIVE_ONLINE) {
        struct nc_model_room *room = seen(r);
        if (!r->rooms_loaded)
            nc_remote_rooms(r);
        else if (room && !room->loaded && !room->loading)
            nc_remote_look(r, &r->seen);
        else if (room)
            nc_remote_ask_ai(r, room);
        nc_remote_ask_jobs(r);
        nc_remote_pump(r);
    } else if (s == NC_LIVE_PAUSE || s == NC_LIVE_OVER) {
        nc_outbox_offline(&r->outbox);
    }
    if (s == NC_LIVE_OVER) {
        nc_session_drop(&r->api.session);
        r->ops->login(r->arg);
    }
    changed(r, NC_CHANGED_STATUS, NULL);
}

/* ---- coming and going ----------------------------------------------------- */

static void begin(struct nc_remote *r)
{
    const struct nc_tokens *t = &r->api.session.tokens;
    char *box = nc_place_outbox(r->api.url, t->username);

    nc_outbox_close(&r->outbox);
    if (!nc_id_eq(&r->model.me, &t->user)) { /* another person sees other rooms */
        nc_model_fini(&r->model);
        r->seen = (struct nc_id){0};
    }
    r->rooms_loaded = false;
    nc_model_me(&r->model, &t->user, t->username);
    if (!box || nc_outbox_open(&r->outbox, box) != NC_OK) {
        /* Sending still works; it just would not survive us. */
        r->ops->said(r->arg, nc_word(NC_W_NO_OUTBOX));
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
        r->ops->said(r->arg, a->detail);
    else if (nc_session_take(&r->api.session, a->body) != NC_OK)
        r->ops->said(r->arg, nc_word(NC_W_BAD_ANSWER));
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
    nc_outbox_close(&r->outbox);
    nc_model_fini(&r->model);
    r->rooms_loaded = false;
    r->seen = (struct nc_id){0};
    r->ops->login(r->arg);
}

void nc_remote_logout(struct nc_remote *r)
{
    nc_live_stop(r->live);
    nc_api_call(&r->api, &(struct nc_api_ask){"POST", "/api/v1/auth/logout", {0}, 0},
                on_logout, r);
}

/* A provider that goes down, or comes back, is no event. */
static void on_glance(struct nc_deadline *d)
{
    struct nc_remote *r = nc_of(d, struct nc_remote, glance);
    struct nc_model_room *room = seen(r);

    if (room && room->ai.personas_n && nc_live_state(r->live) == NC_LIVE_ONLINE)
        nc_remote_ask_ai(r, room);
    nc_loop_deadline(r->loop, d, GLANCE_MS);
}

static void on_pump(struct nc_deadline *d)
{
    nc_remote_pump(nc_of(d, struct nc_remote, pump));
}

enum nc_err nc_remote_open(struct nc_remote *r, const struct nc_api_opts *o,
                           const char *user, const struct nc_remote_ops *ops, void *arg)
{
    static const struct nc_live_ops live_ops = {
        .state = on_state, .event = on_event, .resync = on_resync};

    *r = (struct nc_remote){.loop = o->loop,
                            .ops = ops,
                            .arg = arg,
                            .pump.fire = on_pump,
                            .glance.fire = on_glance};
    nc_api_init(&r->api, o);
    if (nc_outbox_open(&r->outbox, NULL) != NC_OK ||
        !(r->live = nc_live_new(&r->api, &live_ops, r)))
        return NC_EIO;
    nc_loop_deadline(r->loop, &r->glance, GLANCE_MS);
    if (nc_session_load(&r->api.session, user) == NC_OK)
        begin(r);
    else
        ops->login(arg);
    return NC_OK;
}

void nc_remote_close(struct nc_remote *r)
{
    nc_loop_deadline(r->loop, &r->pump, 0);
    nc_loop_deadline(r->loop, &r->glance, 0);
    nc_live_free(r->live);
    r->live = NULL;
    nc_api_fini(&r->api);
    nc_outbox_close(&r->outbox);
    nc_model_fini(&r->model);
    free(r->why);
    r->why = NULL;
}
