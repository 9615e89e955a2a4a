#include "chat/people/renamed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "chat/live/hub.h"
#include "chat/observer.h"
#include "chat/people/people.h"
#include "wire/json.h"

enum { NAME = 33, TRIES_MAX = 3, UNTOLD_MAX = 256 };
#define KEY "renamed.untold"

/* Called otherwise than they wanted. */
struct renamed {
    struct nc_user *user; /* never freed before the chat */
    char took[NAME];
};

/* One person who has not heard of it. */
struct untold {
    struct nc_user *user;
    bool kept; /* it is the other who is called otherwise */
    char from[NAME], to[NAME];
};

struct nc_renamed_people {
    struct nc_chat *chat;
    struct renamed *all;
    unsigned n, cap;
    unsigned tries; /* never fewer than there are of one name, up to TRIES_MAX */
    struct untold untold[UNTOLD_MAX];
    unsigned untold_n;
    struct nc_observer observer;
    /* What is being written, and whether that is old already. */
    struct nc_commit commit;
    struct nc_change change;
    struct nc_buf text;
    bool writing, again;
};

/* ---- who is called otherwise --------------------------------------------- */

static void set_took(struct nc_renamed_people *p, struct nc_user *u, struct nc_str took)
{
    unsigned same = 1;

    for (unsigned i = 0; p->tries < TRIES_MAX && i < p->n; i++)
        same += nc_str_eqz(took, p->all[i].took);
    if (same > p->tries)
        p->tries = same;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 8;
        p->all = nc_realloc(p->all, p->cap * sizeof(*p->all));
    }
    p->all[p->n].user = u;
    nc_people_copy(p->all[p->n++].took, NAME, took);
}

/* Who was renamed before still wants what they took at first. */
static void note(struct nc_renamed_people *p, struct nc_user *u, struct nc_str from)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (p->all[i].user != u)
            continue;
        if (nc_str_eqz(u->a.username, p->all[i].took))
            p->all[i] = p->all[--p->n];
        return;
    }
    set_took(p, u, from);
}

struct nc_user *nc_renamed_who(const struct nc_chat *c, struct nc_str took, unsigned i)
{
    const struct nc_renamed_people *p = c->people->renamed;

    for (unsigned k = 0; k < p->n; k++)
        if (!p->all[k].user->a.deleted && nc_str_eqz(took, p->all[k].took) && i-- == 0)
            return p->all[k].user;
    return NULL;
}

unsigned nc_renamed_tries(const struct nc_chat *c) { return c->people->renamed->tries; }

/* ---- who is still to be told, on the disk -------------------------------- */

static void write_untold(struct nc_renamed_people *p);

static void on_written(struct nc_commit *commit, enum nc_err e)
{
    struct nc_renamed_people *p = nc_of(commit, struct nc_renamed_people, commit);

    p->writing = false;
    if (e != NC_OK && e != NC_ECLOSED)
        nc_log(NC_WARN, "account.renamed", "untold=%u error=%s", p->untold_n, nc_strerr(e));
    else if (e == NC_OK && p->again)
        write_untold(p);
}

static void write_untold(struct nc_renamed_people *p)
{
    struct nc_store *s = p->chat->opts.store;

    p->again = p->writing;
    if (p->writing)
        return;
    nc_buf_clear(&p->text);
    for (unsigned i = 0; i < p->untold_n; i++) {
        const struct untold *x = &p->untold[i];
        char id[NC_ID_TEXT];
        nc_id_text(&x->user->a.id, id);
        nc_buf_printf(&p->text, "%.*s %c %s %s\n", NC_ID_TEXT, id, x->kept ? 'k' : 'r',
                      x->from, x->to);
    }
    p->change = (struct nc_change){
        .kind = NC_META_SET, .meta = {.key = NC_STR(KEY), .value = nc_buf_str(&p->text)}};
    p->commit = (struct nc_commit){.changes = &p->change, .n = 1, .done = on_written};
    p->writing = true;
    s->ops->commit(s, &p->commit);
}

static void drop_untold(struct nc_renamed_people *p, unsigned i)
{
    p->untold_n--;
    memmove(&p->untold[i], &p->untold[i + 1], (p->untold_n - i) * sizeof(p->untold[i]));
}

/* The oldest makes room. */
static void add_untold(struct nc_renamed_people *p, const struct untold *x)
{
    if (p->untold_n == UNTOLD_MAX)
        drop_untold(p, 0);
    p->untold[p->untold_n++] = *x;
}

/* ---- telling ------------------------------------------------------------- */

static void words_of(const struct untold *x, struct nc_buf *out)
{
    struct nc_json j = nc_json_to(out);
    char text[512];

    if (x->kept)
        snprintf(text, sizeof(text),
                 "Somebody on another node is called %s, too, since later than you: they "
                 "are %s now / На другом узле нашёлся ещё один %s, он взял имя позже вас: "
                 "теперь это %s",
                 x->from, x->to, x->from, x->to);
    else
        snprintf(text, sizeof(text),
                 "Somebody on another node had the name %s first: yours is %s now, also to "
                 "log in / Имя %s раньше взял кто-то на другом узле: ваше теперь %s, и для "
                 "входа",
                 x->from, x->to, x->from, x->to);
    nc_json_obj(&j);
    nc_json_kstr(&j, "type", NC_STR("notice"));
    nc_json_kstr(&j, "text", nc_str(text));
    nc_json_kstr(&j, "code", NC_STR("renamed"));
    nc_json_obj_end(&j);
}

/* False: nobody of theirs hears it now. */
static bool tell(struct nc_chat *c, const struct untold *x)
{
    struct nc_buf out = {0};
    bool heard = false;

    words_of(x, &out);
    nc_list_each(n, &x->user->listeners) {
        struct nc_listener *l = nc_of(n, struct nc_listener, by_user);
        heard = heard || l->state == NC_LIVE;
        nc_hub_tell(c->hub, l, "notice", nc_buf_str(&out));
    }
    nc_buf_fini(&out);
    return heard;
}

static void on_live(struct nc_observer *o, struct nc_listener *l)
{
    struct nc_renamed_people *p = nc_of(o, struct nc_renamed_people, observer);
    bool told = false;

    for (unsigned i = 0; i < p->untold_n;) {
        if (p->untold[i].user == l->user && tell(p->chat, &p->untold[i])) {
            drop_untold(p, i);
            told = true;
        } else {
            i++;
        }
    }
    if (told)
        write_untold(p);
}

static void tell_or_keep(struct nc_renamed_people *p, struct untold *x, struct nc_user *u)
{
    x->user = u;
    if (u->a.kind == NC_PERSON && !tell(p->chat, x))
        add_untold(p, x);
}

void nc_renamed_now(struct nc_chat *c, struct nc_user *u, struct nc_str from)
{
    struct nc_renamed_people *p = c->people->renamed;
    struct nc_user *other = nc_user_named(c, from);
    unsigned before = p->untold_n;
    struct untold x = {.kept = false};

    nc_people_copy(x.from, NAME, from);
    nc_people_copy(x.to, NAME, u->a.username);
    if (u->a.kind == NC_PERSON)
        note(p, u, from);
    tell_or_keep(p, &x, u);
    x.kept = true;
    if (other && other != u)
        tell_or_keep(p, &x, other);
    if (p->untold_n != before || before == UNTOLD_MAX)
        write_untold(p);
}

/* ---- start and end ------------------------------------------------------- */

struct load {
    struct nc_query q;
    struct nc_renamed_people *people;
};

static void on_renamed(struct nc_query *q, const struct nc_row *row)
{
    struct nc_renamed_people *p = nc_of(q, struct load, q)->people;
    struct nc_user *u = nc_user_find(p->chat, &row->renamed.user);

    if (u && u->a.kind == NC_PERSON)
        set_took(p, u, row->renamed.took);
}

/* Of people who are gone nothing is kept. */
static void on_untold(struct nc_query *q, const struct nc_row *row)
{
    struct nc_renamed_people *p = nc_of(q, struct load, q)->people;

    for (struct nc_str rest = row->meta; rest.n && p->untold_n < UNTOLD_MAX;) {
        struct nc_str line = nc_str_cut(&rest, '\n'), id = nc_str_cut(&line, ' ');
        struct untold x = {.kept = nc_str_eqz(nc_str_cut(&line, ' '), "k")};
        struct nc_id user;
        nc_people_copy(x.from, NAME, nc_str_cut(&line, ' '));
        nc_people_copy(x.to, NAME, line);
        x.user = nc_id_parse(id, &user) == NC_OK ? nc_user_find(p->chat, &user) : NULL;
        if (x.user && !x.user->a.deleted)
            p->untold[p->untold_n++] = x;
    }
}

enum nc_err nc_renamed_new(struct nc_chat *c)
{
    struct nc_renamed_people *p = nc_alloc(sizeof(*p));
    struct load all = {.q = {.kind = NC_Q_RENAMED, .row = on_renamed}, .people = p};
    struct load left = {.q = {.kind = NC_Q_META, .key = NC_STR(KEY), .row = on_untold},
                        .people = p};

    p->chat = c;
    c->people->renamed = p;
    p->observer.live = on_live;
    nc_chat_observe(c, &p->observer);
    enum nc_err e = nc_store_read_now(c->opts.store, &all.q);
    return e ? e : nc_store_read_now(c->opts.store, &left.q);
}

void nc_renamed_free(struct nc_chat *c)
{
    struct nc_renamed_people *p = c->people->renamed;

    if (!p)
        return;
    nc_list_del(&p->observer.node);
    nc_buf_fini(&p->text);
    free(p->all);
    free(p);
    c->people->renamed = NULL;
}
