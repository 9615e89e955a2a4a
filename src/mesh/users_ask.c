#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "chat/people/throttle.h"
#include "chat/talk/event.h"
#include "mesh/users_parts.h"
#include "wire/json.h"
#include "wire/json_in.h"

enum { REF_MAX = 256, HISTORY_MAX = 200, HISTORY_USUAL = 50 };

/* ---- what is wanted ------------------------------------------------------- */

static bool is_json(struct nc_str payload)
{
    payload = nc_str_trim(payload);
    return payload.n && payload.p[0] == '{';
}

static void ref_of(struct nc_user_wish *w, const struct nc_id *client_id)
{
    struct nc_json j = nc_json_to(&w->ref);

    nc_buf_clear(&w->ref);
    if (!nc_id_zero(client_id))
        nc_json_id(&j, client_id);
}

static enum nc_err take_page(struct nc_user_wish *w, const json_t *in,
                             struct nc_problem *why)
{
    int64_t limit = HISTORY_USUAL;

    if (!json_is_object(in)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "history: not an object");
        return NC_EINVAL;
    }
    if (nc_json_opt_id(in, "before", &w->page.before, why) != NC_OK ||
        nc_json_opt_id(in, "after", &w->page.after, why) != NC_OK ||
        nc_json_opt_id(in, "around", &w->page.around, why) != NC_OK ||
        nc_json_opt_int(in, "limit", 1, HISTORY_MAX, &limit, why) != NC_OK)
        return NC_EINVAL;
    w->page.limit = (uint32_t)limit;
    if (!nc_id_zero(&w->page.before) + !nc_id_zero(&w->page.after) +
            !nc_id_zero(&w->page.around) >
        1) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "history: one of before, after and around");
        return NC_EINVAL;
    }
    return NC_OK;
}

static enum nc_err take_members(struct nc_user_wish *w, size_t text_max,
                                struct nc_problem *why)
{
    if (nc_json_opt_id(w->doc, "client_id", &w->send.client_id, why) != NC_OK)
        return NC_EINVAL;
    ref_of(w, &w->send.client_id);
    if (nc_json_has(w->doc, "ref")) {
        struct nc_buf ref = {0};
        nc_json_copy(w->doc, "ref", &ref);
        bool fits = ref.n <= REF_MAX;
        if (fits) {
            nc_buf_clear(&w->ref);
            nc_buf_adds(&w->ref, nc_buf_str(&ref));
        } else {
            nc_problem_set(why, NC_P_BAD_REQUEST, "ref: at most %d bytes", REF_MAX);
        }
        nc_buf_fini(&ref);
        if (!fits)
            return NC_EINVAL;
    }
    if (nc_json_has(w->doc, "history")) {
        w->kind = NC_WISH_HISTORY;
        return take_page(w, json_object_get(w->doc, "history"), why);
    }
    if (nc_json_has(w->doc, "snapshot")) {
        w->kind = NC_WISH_SNAPSHOT;
        return nc_json_need_id(w->doc, "snapshot", &w->snapshot, why);
    }
    if (nc_json_opt_id(w->doc, "reply_to", &w->send.reply_to, why) != NC_OK)
        return NC_EINVAL;
    return nc_json_need_text(w->doc, "text", text_max, &w->send.text, why);
}

enum nc_err nc_user_wish(struct nc_user_wish *w, struct nc_str payload,
                         const struct nc_id *client_id, size_t text_max,
                         struct nc_problem *why)
{
    *w = (struct nc_user_wish){.kind = NC_WISH_SEND, .send.client_id = *client_id};
    ref_of(w, client_id);
    if (is_json(payload)) {
        if (nc_json_parse(payload, &w->doc, why) != NC_OK)
            return NC_EINVAL;
        return take_members(w, text_max, why);
    }
    if (!nc_utf8_valid(payload)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "text: is not UTF-8");
        return NC_EINVAL;
    }
    w->send.text = payload;
    return NC_OK;
}

void nc_user_wish_fini(struct nc_user_wish *w)
{
    json_decref(w->doc);
    nc_buf_fini(&w->ref);
}

/* ---- answers -------------------------------------------------------------- */

struct nc_json nc_users_frame(struct nc_buf *b, const char *type, struct nc_str ref)
{
    struct nc_json j = nc_json_to(b);

    nc_json_obj(&j);
    nc_json_kstr(&j, "type", nc_str(type));
    if (ref.n)
        nc_json_kraw(&j, "ref", ref);
    return j;
}

void nc_users_refuse(struct nc_users *u, struct nc_user_end *e, uint64_t via,
                     struct nc_str user, struct nc_str ref, const struct nc_problem *why)
{
    struct nc_buf b = {0};

    u->stats.refused++;
    nc_problem_event(&b, why, ref);
    nc_users_answer(u, e, via, user, nc_buf_str(&b));
    nc_buf_fini(&b);
}

/* One question on its way; outlives the broker it came by. */
struct asking {
    struct nc_users *users;
    uint64_t via;
    struct nc_id room;
    struct nc_buf ref;
    char *name;
};

static struct asking *asking_new(struct nc_users *u, uint64_t via,
                                 const struct nc_user *user, const struct nc_room *room,
                                 const struct nc_user_wish *w)
{
    struct asking *a = nc_alloc(sizeof *a);

    a->users = u;
    a->via = via;
    a->room = room->rec.id;
    nc_buf_adds(&a->ref, nc_buf_str(&w->ref));
    a->name = nc_str_dup(user->a.username);
    a->users->running++;
    return a;
}

static void asking_free(struct asking *a)
{
    a->users->running--;
    nc_buf_fini(&a->ref);
    free(a->name);
    free(a);
}

static void answer(struct asking *a, struct nc_str json)
{
    nc_users_answer(a->users, NULL, a->via, nc_str(a->name), json);
}

/* False: there is nobody, or nothing, to tell; who asked has heard why. */
static bool has_answer(struct asking *a, const struct nc_problem *why)
{
    if (why && !a->users->stopped)
        nc_users_refuse(a->users, NULL, a->via, nc_str(a->name), nc_buf_str(&a->ref), why);
    return !why && !a->users->stopped;
}

/* The page is an object of its own: its members follow ours. */
static void on_history(void *arg, const struct nc_problem *why, struct nc_buf *json)
{
    struct asking *a = arg;

    if (has_answer(a, why)) {
        struct nc_buf b = {0};
        struct nc_json j = nc_users_frame(&b, "history", nc_buf_str(&a->ref));
        nc_json_kid(&j, "room", &a->room);
        nc_buf_addc(&b, ',');
        nc_buf_add(&b, json->p + 1, json->n - 1);
        answer(a, nc_buf_str(&b));
        nc_buf_fini(&b);
    }
    asking_free(a);
}

static void on_message(void *arg, const struct nc_problem *why, const struct nc_sent *sent)
{
    struct asking *a = arg;

    if (has_answer(a, why)) {
        struct nc_buf b = {0};
        struct nc_json j = nc_users_frame(&b, "ack", nc_buf_str(&a->ref));
        nc_json_key(&j, "message");
        nc_event_message(&j, &sent->message, false);
        nc_json_obj_end(&j);
        answer(a, nc_buf_str(&b));
        nc_buf_fini(&b);
    }
    asking_free(a);
}

static void on_snapshot(void *arg, struct nc_str json) { answer(arg, json); }

static void ask_snapshot(struct nc_users *u, uint64_t via, const struct nc_actor *who,
                         struct nc_room *room, const struct nc_user_wish *w)
{
    struct nc_problem why;
    struct asking *a = asking_new(u, via, who->user, room, w);

    if (!nc_room_member(room, who->user)) {
        nc_problem_set(&why, NC_P_FORBIDDEN, "Only members read here; join first.");
        on_message(a, &why, NULL);
    } else if (!nc_rate_take(u->chat, who->user, NC_RATE_HISTORY, &why)) {
        on_message(a, &why, NULL);
    } else if (nc_users_snapshot(u, &room->rec.id, &w->snapshot, on_snapshot, a)) {
        asking_free(a);
    } else {
        nc_message_get(u->chat, who, &w->snapshot, on_message, a);
    }
}

void nc_users_ask(struct nc_users *u, uint64_t via, struct nc_user *user,
                  struct nc_room *room, const struct nc_user_wish *w)
{
    struct nc_actor who = {.user = user, .address = NC_STR("mqtt")};

    u->stats.asked++;
    if (w->kind == NC_WISH_SNAPSHOT)
        ask_snapshot(u, via, &who, room, w);
    else
        nc_message_history(u->chat, &who, room, &w->page, on_history,
                           asking_new(u, via, user, room, w));
}
