#include "chat/chat.h"

#include <stdlib.h>

#include "base/log.h"
#include "chat/merge_parts.h"
#include "chat/people/people.h"
#include "chat/rooms/rooms.h"

const struct nc_limits nc_limits_default = {
    .message_max = 64 << 10,
    .answer_max = 512 << 10,
    .room_name_max = 100,
    .topic_max = 1000,
    .display_max = 100,
    .rooms_per_user = 1000,
    .members_per_room = 10000,
    .sessions_per_user = 50,
    .keys_per_user = 50,
    .invites_per_user = 50,
    .rates = true,
    .sends_per_10s = 20,
    .registrations_per_hour = 10,
    .rooms_per_day = 20,
    .tickets_per_min = 30,
    .history_per_s = 20,
    .lists_per_10s = 50,
    .changes_per_10s = 100,
    .live_per_user = 100,
    .disk_free_min = 256ull << 20,
    .queue_max = 1 << 20,
    .queue_total_max = 64 << 20,
    .replay_max = 10000,
    .replay_days = 30,
};

/* A query and the chat it fills. */
struct load {
    struct nc_query query;
    struct nc_chat *chat;
    enum nc_err err;
};

static void on_account(struct nc_query *q, const struct nc_row *row)
{
    nc_user_add(nc_of(q, struct load, query)->chat, &row->account);
}

static void on_loaded(struct nc_query *q, enum nc_err e)
{
    nc_of(q, struct load, query)->err = e;
}

static enum nc_err load_accounts(struct nc_chat *c)
{
    struct load l = {.query = {.kind = NC_Q_ACCOUNTS, .row = on_account, .done = on_loaded},
                     .chat = c};
    enum nc_err e = nc_store_read_now(c->opts.store, &l.query);

    return e ? e : l.err;
}

struct nc_chat *nc_chat_new(const struct nc_chat_opts *opts)
{
    struct nc_chat *c = nc_alloc(sizeof *c);
    enum nc_err e;

    c->opts = *opts;
    nc_list_init(&c->observers);
    nc_hlc_init(&c->clock, opts->store->info.hlc);
    c->hub = nc_hub_new(c);
    e = nc_hub_load(c->hub);
    if (!e)
        e = load_accounts(c);
    if (!e)
        e = nc_people_new(c);
    if (!e)
        e = nc_rooms_load(c);
    if (!e)
        e = nc_merge_load(c);
    if (e) {
        nc_log(NC_ERROR, "chat.load", "error=%s", nc_strerr(e));
        nc_chat_free(c);
        return NULL;
    }
    return c;
}

void nc_chat_free(struct nc_chat *c)
{
    if (!c)
        return;
    nc_merge_free(c);
    nc_people_free(c); /* what still waits for its answer is told first */
    nc_rooms_free(c);
    nc_map_fini(&c->users_by_name);
    size_t at = 0;
    for (struct nc_user *u; (u = nc_map_next(&c->users_by_id, &at));)
        nc_user_free(u);
    nc_map_fini(&c->users_by_id);
    nc_map_fini(&c->rooms);
    nc_hub_free(c->hub);
    free(c);
}
