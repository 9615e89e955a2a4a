/* Names by which personas are called: no two may mean the same one. */
#include "ai/personas_parts.h"
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

    /* It is called so already: somebody who came later doesn't take that away. */
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
