/* Answers in the inboxes of people: said at once, or when there is room for them. */
#include <stdlib.h>
#include <string.h>

#include "mesh/users_parts.h"

enum {
    ANSWERS_BYTES = 256 << 10, /* of a broker, waiting */
    LATE_MAX = 256,            /* answers whose broker is not there */
};

struct nc_user_answer {
    struct nc_list node;
    uint64_t via;
    size_t user_n, n;
    char text[]; /* the user's name, then JSON */
};

static enum nc_err send_answer(struct nc_user_end *e, struct nc_str user,
                               struct nc_str json)
{
    struct nc_users *u = e->users;

    nc_buf_clear(&u->topic);
    nc_mqtt_inbox_add(&u->topic, u->root, user);
    return nc_users_publish(
        e,
        &(struct nc_mqtt_out){.topic = nc_buf_str(&u->topic), .payload = json, .qos = 1});
}

static struct nc_user_answer *answer_new(uint64_t via, struct nc_str user,
                                         struct nc_str json)
{
    struct nc_user_answer *a = nc_alloc(sizeof *a + user.n + json.n + 1);

    a->via = via;
    a->user_n = user.n;
    a->n = json.n;
    memcpy(a->text, user.p, user.n);
    memcpy(a->text + user.n, json.p, json.n);
    return a;
}

static void wait_for_room(struct nc_user_end *e, struct nc_str user, struct nc_str json)
{
    if (e->answers_bytes + json.n > ANSWERS_BYTES) {
        e->users->stats.dropped++;
        return;
    }
    e->answers_bytes += json.n;
    nc_list_add(&e->answers, &answer_new(e->via, user, json)->node);
}

static void wait_for_broker(struct nc_users *u, uint64_t via, struct nc_str user,
                            struct nc_str json)
{
    if (u->late_n >= LATE_MAX) {
        u->stats.dropped++;
        return;
    }
    u->late_n++;
    nc_list_add(&u->late, &answer_new(via, user, json)->node);
}

static struct nc_user_end *end_of(struct nc_users *u, uint64_t via)
{
    nc_list_each(it, &u->ends) {
        struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->via == via)
            return e;
    }
    return NULL;
}

void nc_users_answer(struct nc_users *u, struct nc_user_end *e, uint64_t via,
                     struct nc_str user, struct nc_str json)
{
    if (!e)
        e = end_of(u, via);
    if (!e)
        wait_for_broker(u, via, user, json);
    else if (!nc_list_empty(&e->answers))
        wait_for_room(e, user, json);
    else
        switch (send_answer(e, user, json)) {
        case NC_AGAIN:
        case NC_ECLOSED: wait_for_room(e, user, json); break;
        default: break;
        }
}

bool nc_users_clogged(const struct nc_users *u)
{
    nc_list_each(it, &u->ends) {
        const struct nc_user_end *e = nc_of(it, struct nc_user_end, node);
        if (e->up && e->answers_bytes > ANSWERS_BYTES / 4)
            return true;
    }
    return false;
}

void nc_users_answers_give(struct nc_user_end *e)
{
    struct nc_list *it;
    bool clogged = nc_users_clogged(e->users);

    while (!nc_list_empty(&e->answers)) {
        it = e->answers.next;
        struct nc_user_answer *a = nc_of(it, struct nc_user_answer, node);
        struct nc_str user = {a->text, a->user_n}, json = {a->text + a->user_n, a->n};
        enum nc_err err = send_answer(e, user, json);
        if (err == NC_AGAIN || err == NC_ECLOSED)
            return;
        e->answers_bytes -= a->n;
        nc_list_del(it);
        free(a);
    }
    if (clogged && !nc_users_clogged(e->users))
        nc_users_go_on_saying(e->users);
}

void nc_users_answers_late(struct nc_user_end *e)
{
    struct nc_users *u = e->users;

    nc_list_each(it, &u->late) {
        struct nc_user_answer *a = nc_of(it, struct nc_user_answer, node);
        if (a->via != e->via)
            continue;
        nc_list_del(it);
        u->late_n--;
        e->answers_bytes += a->n;
        nc_list_add(&e->answers, it);
    }
}

void nc_users_answers_free(struct nc_list *answers)
{
    for (struct nc_list *it; (it = nc_list_pop(answers));)
        free(nc_of(it, struct nc_user_answer, node));
}
