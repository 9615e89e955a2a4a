/*
 * Names by which personas are called: no two may mean the same one.
 *
 * Here that is refused.  Nodes that are cut off from one another can give one name to two
 * all the same: what is stored stays, and each node finds by one rule who is called so.  A
 * username is its account's; any other name is that of the persona which was made first,
 * by id.  The rule looks at nothing but accounts and settings, which become the same
 * everywhere, and not at the order in which they came.
 */
#include "ai/personas_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "chat/user.h"

/* Folded as ai/asked does it. */
static bool same(struct nc_str a, struct nc_str b)
{
    struct nc_buf x = {0}, y = {0};

    nc_utf8_fold(a, true, &x);
    nc_utf8_fold(b, true, &y);
    bool yes = nc_str_eq(nc_buf_str(&x), nc_buf_str(&y));
    nc_buf_fini(&x);
    nc_buf_fini(&y);
    return yes;
}

static bool bears(const struct nc_persona *x, struct nc_str name)
{
    if (same(x->user->a.username, name) || same(x->user->a.display_name, name))
        return true;
    for (size_t i = 1; i < x->names_n; i++)
        if (same(x->names[i], name))
            return true;
    return false;
}

static struct nc_user *person_named(const struct nc_chat *c, struct nc_str name)
{
    struct nc_buf folded = {0};

    nc_utf8_fold(name, false, &folded);
    struct nc_user *u = nc_user_named(c, nc_buf_str(&folded));
    nc_buf_fini(&folded);
    return u && u->a.kind != NC_PERSONA ? u : NULL;
}

static enum nc_err name_ok(const struct nc_personas *p, const struct nc_persona *own,
                           const char *member, struct nc_str name, struct nc_problem *why)
{
    unsigned char first = name.n ? (unsigned char)name.p[0] : ' ';
    const struct nc_user *u;

    /* What it has already it may keep, also where somebody else is called so. */
    if (own && bears(own, name))
        return NC_OK;
    /* What begins with a mark is no name: the sentence could not be told from others. */
    if (first < 0x80 && !(first >= '0' && first <= '9') &&
        !((first | 0x20) >= 'a' && (first | 0x20) <= 'z')) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "`%s`: %.*s does not begin with a letter",
                       member, NC_FMT(name));
        return NC_EINVAL;
    }
    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
        if (x != own && bears(x, name)) {
            nc_problem_set(why, NC_P_CONFLICT, "`%s`: %.*s is a name of the persona @%.*s",
                           member, NC_FMT(name), NC_FMT(x->user->a.username));
            return NC_EEXIST;
        }
    if ((u = person_named(p->chat, name))) {
        nc_problem_set(why, NC_P_CONFLICT, "`%s`: %.*s is the username of @%.*s", member,
                       NC_FMT(name), NC_FMT(u->a.username));
        return NC_EEXIST;
    }
    return NC_OK;
}

enum nc_err nc_draft_names_ok(const struct nc_draft *d, const struct nc_personas *p,
                              const struct nc_persona *x, struct nc_str username,
                              struct nc_problem *why)
{
    enum nc_err e = NC_OK;

    if (username.n)
        e = name_ok(p, x, "username", username, why);
    if (!e && d->display_name.n)
        e = name_ok(p, x, "display_name", d->display_name, why);
    for (size_t i = 0; !e && i < d->aliases_n; i++)
        e = name_ok(p, x, "aliases", d->aliases[i], why);
    return e;
}

bool nc_personas_bear(void *personas, struct nc_str name)
{
    for (struct nc_persona *x = NULL; (x = nc_persona_next(personas, x));)
        if (bears(x, name))
            return true;
    return false;
}

/* ---- who has which --------------------------------------------------------------- */

/* All names as ai/asked compares them, one behind the other, oldest persona first. */
struct names {
    struct nc_buf text;
    size_t *ends;
    struct nc_map first; /* name: struct nc_user of the first persona that has it */
};

static void fold_all(const struct nc_personas *p, struct names *all)
{
    size_t n = 0;

    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
        n += x->names_n;
    all->ends = nc_alloc((n + 1) * sizeof(*all->ends)); /* never of nothing */
    n = 0;
    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));)
        for (size_t i = 0; i < x->names_n; i++) {
            nc_utf8_fold(x->names[i], true, &all->text);
            all->ends[n++] = all->text.n;
        }
}

static struct nc_str name_at(const struct names *all, size_t i)
{
    size_t from = i ? all->ends[i - 1] : 0;

    return (struct nc_str){(const char *)all->text.p + from, all->ends[i] - from};
}

/* Who is called so: x->user, unless it is somebody else. */
static const struct nc_user *owner(const struct nc_personas *p, struct names *all,
                                   const struct nc_persona *x, struct nc_str name)
{
    const struct nc_user *u = nc_user_named(p->chat, name);

    if (u || !name.n || x->user->a.deleted) /* its settings may go a little later */
        return u ? u : x->user;
    if ((u = nc_map_get(&all->first, name.p, name.n)))
        return u;
    nc_map_put(&all->first, name.p, name.n, x->user);
    return x->user;
}

/* Once for each state of things. */
static void tell(struct nc_persona *x, struct nc_buf *text)
{
    struct nc_str now = nc_buf_str(text);

    if (!nc_str_eq(now, nc_str(x->told ? x->told : ""))) {
        free(x->told);
        x->told = now.n ? nc_str_dup(now) : NULL;
        if (now.n)
            nc_log(NC_WARN, "ai.persona", "name=%.*s names_of_others=%s",
                   NC_FMT(x->user->a.username), nc_log_q(now));
    }
    nc_buf_clear(text);
}

void nc_personas_names(struct nc_personas *p)
{
    static const struct nc_id nobody;
    struct names all = {0};
    struct nc_buf text = {0};
    size_t at = 0;

    if (!p->renamed && p->names_seen == p->chat->names)
        return;
    fold_all(p, &all);
    for (struct nc_persona *x = NULL; (x = nc_persona_next(p, x));) {
        for (size_t i = 0; i < x->names_n; i++) {
            const struct nc_user *u = owner(p, &all, x, name_at(&all, at++));
            x->taken[i] = u == x->user ? nobody : u->a.id;
            if (u != x->user)
                nc_buf_printf(&text, "%s%.*s (@%.*s)", text.n ? ", " : "",
                              NC_FMT(x->names[i]), NC_FMT(u->a.username));
        }
        tell(x, &text);
    }
    p->renamed = false;
    p->names_seen = p->chat->names;
    nc_map_fini(&all.first);
    nc_buf_fini(&all.text);
    free(all.ends);
    nc_buf_fini(&text);
}

const struct nc_user *nc_persona_taken(const struct nc_persona *x, size_t i)
{
    nc_personas_names(x->of);
    return nc_id_zero(&x->taken[i]) ? NULL : nc_user_find(x->of->chat, &x->taken[i]);
}

bool nc_persona_asked(const struct nc_persona *x, struct nc_str text,
                      const struct nc_asked_name *who, bool strict)
{
    struct nc_str own[NC_ALIASES_MAX + 1];
    struct nc_asked_name it = *who;

    /* Almost nothing that is said calls anybody: whose name it is can wait until then. */
    if (!nc_asked(text, who, strict))
        return false;
    it.names = own;
    it.names_n = 0;
    for (size_t i = 0; i < x->names_n; i++)
        if (!nc_persona_taken(x, i))
            own[it.names_n++] = x->names[i];
    return it.names_n == x->names_n || nc_asked(text, &it, strict);
}
