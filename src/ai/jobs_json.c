/* GET /api/v1/jobs: those under way from memory, those that ended from the store. */
#include <stdlib.h>
#include <string.h>

#include "ai/direct.h"
#include "ai/job.h"
#include "ai/others.h"
#include "ai/room_ai.h"
#include "chat/rooms/rooms.h"
#include "wire/json.h"

#define PAGE 200 /* rows of a look into the store … */
#define PAGES 10 /* … and so many, for somebody who may see few of them */

struct found {
    struct nc_job_rec rec;
    char *strs;                  /* of those that are no nc_job */
    const struct nc_work *waits; /* of those under way */
    uint64_t since_ms;
};

struct listing {
    struct nc_query query;
    struct nc_ai *ai;
    struct nc_user *user;
    bool all, admin_socket;
    unsigned states, limit;
    struct nc_id before;
    struct found *rows;   /* newest first */
    size_t rows_n, fresh; /* fresh: those of this page begin there */
    unsigned page_n, pages;
    nc_json_fn *done;
    void *arg;
};

/* Reader thread: touches only the listing. */
static void on_row(struct nc_query *q, const struct nc_row *row)
{
    struct listing *l = nc_of(q, struct listing, query);
    const struct nc_job_rec *rec = &row->job;
    struct found *f;

    l->rows = nc_realloc(l->rows, (l->rows_n + 1) * sizeof(*l->rows));
    f = &l->rows[l->rows_n++];
    *f = (struct found){.rec = *rec};

    struct nc_str *strs[] = {&f->rec.model, &f->rec.reason, &f->rec.code};
    size_t n = 1;
    for (size_t i = 0; i < NC_COUNT(strs); i++)
        n += strs[i]->n;

    char *at = f->strs = nc_alloc(n);
    for (size_t i = 0; i < NC_COUNT(strs); i++) {
        if (strs[i]->n)
            memcpy(at, strs[i]->p, strs[i]->n);
        strs[i]->p = at;
        at += strs[i]->n;
    }
    l->page_n++;
}

static bool may_see(const struct listing *l, const struct nc_job_rec *rec)
{
    struct nc_actor who = {.user = l->user, .admin_socket = l->admin_socket};
    const struct nc_room *r;

    if (l->all || (l->user && nc_id_eq(&rec->asker, &l->user->a.id)))
        return true;
    r = nc_room_find(l->ai->o.chat, &rec->room);
    return r && nc_room_rank(r, &who) > 1;
}

static bool is_wanted(const struct listing *l, const struct nc_job_rec *rec)
{
    return (l->states & 1u << rec->state) &&
           (nc_id_zero(&l->before) || nc_id_cmp(&rec->id, &l->before) < 0) &&
           may_see(l, rec);
}

/* Of what this page brought, what isn't wanted goes; the id it ended with stays known. */
static void sift(struct listing *l)
{
    size_t kept = l->fresh;

    for (size_t i = l->fresh; i < l->rows_n; i++) {
        if (is_wanted(l, &l->rows[i].rec))
            l->rows[kept++] = l->rows[i];
        else
            free(l->rows[i].strs);
    }
    l->rows_n = kept;
}

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return nc_id_cmp(&y->rec.id, &x->rec.id);
}

/* What programs ask is kept nowhere: listed while it is under way. */
static void add_programs(struct listing *l)
{
    nc_list_each(n, &l->ai->directs) {
        const struct nc_direct *d = nc_of(n, struct nc_direct, node);
        struct nc_buf model = {0};
        struct nc_job_rec rec = nc_direct_rec(d, &model);
        if (!is_wanted(l, &rec)) {
            nc_buf_fini(&model);
            continue;
        }
        l->rows = nc_realloc(l->rows, (l->rows_n + 1) * sizeof(*l->rows));
        l->rows[l->rows_n++] = (struct found){
            .rec = rec, .strs = model.p, .waits = &d->work, .since_ms = d->since_ms};
    }
}

static void add_living(struct listing *l)
{
    nc_list_each(n, &l->ai->jobs) {
        const struct nc_job *j = nc_of(n, struct nc_job, node);
        if (!is_wanted(l, &j->kept.rec))
            continue;
        l->rows = nc_realloc(l->rows, (l->rows_n + 1) * sizeof(*l->rows));
        l->rows[l->rows_n++] =
            (struct found){.rec = j->kept.rec, .waits = &j->work, .since_ms = j->since_ms};
    }
    add_programs(l);
    if (l->rows_n)
        qsort(l->rows, l->rows_n, sizeof(*l->rows), newest_first);
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->rows_n; i++)
        free(l->rows[i].strs);
    free(l->rows);
    free(l);
}

/* more: there are older ones that nobody has looked at. */
static void answer(struct listing *l, bool more)
{
    struct nc_buf b = {0};
    struct nc_json w = nc_json_to(&b);

    add_living(l);
    nc_json_obj(&w);
    nc_json_key(&w, "jobs");
    nc_json_arr(&w);
    for (size_t i = 0; i < l->rows_n && i < l->limit; i++)
        nc_job_write(&w, l->ai, &l->rows[i].rec, l->rows[i].waits, l->rows[i].since_ms);
    nc_json_arr_end(&w);
    nc_json_kbool(&w, "has_more", more || l->rows_n > l->limit);
    nc_json_obj_end(&w);
    l->done(l->arg, NULL, &b);
    nc_buf_fini(&b);
    listing_free(l);
}

static void read_page(struct listing *l);

static void on_page(struct nc_query *q, enum nc_err e)
{
    struct listing *l = nc_of(q, struct listing, query);
    struct nc_problem why;
    bool full = l->page_n == PAGE;

    if (e != NC_OK || l->ai->closing) {
        nc_rooms_why(&why, e == NC_OK ? NC_ECLOSED : e);
        l->done(l->arg, &why, NULL);
        listing_free(l);
        return;
    }
    if (full)
        l->query.before = l->rows[l->rows_n - 1].rec.id;
    sift(l);
    if (full && l->rows_n <= l->limit && ++l->pages < PAGES)
        read_page(l);
    else
        answer(l, full);
}

static void read_page(struct listing *l)
{
    struct nc_store *s = l->ai->o.chat->opts.store;

    l->fresh = l->rows_n;
    l->page_n = 0;
    s->ops->read(s, &l->query);
}

void nc_ai_jobs(struct nc_ai *ai, const struct nc_actor *who, unsigned states,
                const struct nc_id *before, unsigned limit, nc_json_fn *done, void *arg)
{
    struct listing *l = nc_alloc(sizeof(*l));

    *l = (struct listing){
        .query = {.kind = NC_Q_JOBS_ENDED,
                  .before = *before,
                  .limit = PAGE,
                  .row = on_row,
                  .done = on_page},
        .ai = ai,
        .user = who->user,
        .admin_socket = who->admin_socket,
        .all = who->admin_socket || (who->user && who->user->a.role >= NC_ROLE_ADMIN),
        .states = states,
        .limit = limit,
        .before = *before,
        .done = done,
        .arg = arg,
    };
    read_page(l);
}

/* ---- a room's personas ----------------------------------------------------------- */

static const char *state_name(enum nc_err e)
{
    switch (e) {
    case NC_OK: return "up";
    case NC_AGAIN: return "down";
    case NC_EACCESS: return "too_far";
    case NC_ENOENT:
    case NC_EINVAL:
    case NC_EEXIST:
    case NC_ELIMIT:
    case NC_EIO:
    case NC_ECLOSED: break;
    }
    return "missing";
}

/* The model as it would be asked now: the first that is up, another node's, else the
 * first. */
static void write_model(struct nc_ai *ai, struct nc_json *j, const struct nc_persona *p,
                        const struct nc_room_ai *room)
{
    struct nc_choice c = {.source = NULL}, other;
    struct nc_problem why;
    struct nc_buf name = {0};
    enum nc_destination far;
    struct nc_str elsewhere, first = room->model.n ? room->model : p->model;
    enum nc_err e = nc_models_choose(ai->models, first, room->furthest, &c, &why);

    for (size_t i = 0; e != NC_OK && i < p->fallbacks_n; i++)
        if (nc_models_choose(ai->models, p->fallbacks[i], room->furthest, &other, &why) ==
            NC_OK) {
            e = NC_OK;
            c = other;
        }
    if (e != NC_OK &&
        nc_able_elsewhere(ai, &p->user->a.id, room->furthest, &elsewhere, &far)) {
        e = NC_OK;
        nc_json_kstr(j, "model", elsewhere);
        nc_json_kstr(j, "destination", nc_str(nc_destination_name(far)));
    } else if (e == NC_OK || e == NC_AGAIN) {
        nc_buf_printf(&name, "%s%s%s", nc_source_name(c.source), c.model[0] ? "/" : "",
                      c.model);
        nc_json_kstr(j, "model", nc_buf_str(&name));
        nc_json_kstr(j, "destination",
                     nc_str(nc_destination_name(nc_source_destination(c.source))));
    } else {
        nc_json_kstr(j, "model", first);
        nc_json_kstr(j, "destination", NC_STR(""));
    }
    nc_json_kstr(j, "state", nc_str(state_name(e)));
    nc_buf_fini(&name);
}

void nc_ai_room_json(struct nc_ai *ai, struct nc_json *j, const struct nc_room *r)
{
    struct nc_room_ai room;

    nc_ai_read_room(ai, r, &room);
    nc_json_key(j, "personas");
    nc_json_arr(j);
    for (struct nc_persona *p = NULL; (p = nc_persona_next(ai->personas, p));) {
        if (!nc_room_member(r, p->user))
            continue;
        nc_json_obj(j);
        nc_json_kid(j, "id", &p->user->a.id);
        nc_json_kstr(j, "username", p->user->a.username);
        nc_json_kstr(j, "display_name", p->user->a.display_name);
        write_model(ai, j, p, &room);
        nc_json_obj_end(j);
    }
    nc_json_arr_end(j);
    nc_room_ai_fini(&room);
}
