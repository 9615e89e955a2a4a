#include "client/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "client/glyph.h"
#include "client/model_parts.h"

/* ---- taking JSON apart ---------------------------------------------------- */

struct nc_str nc_model_str(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    return v && json_is_string(v)
               ? (struct nc_str){json_string_value(v), json_string_length(v)}
               : NC_STR("");
}

bool nc_model_id(const json_t *obj, const char *key, struct nc_id *out)
{
    return nc_id_parse(nc_model_str(obj, key), out) == NC_OK;
}

char *nc_model_clean(struct nc_str s)
{
    struct nc_buf b = {0};

    nc_text_clean(&b, s, false);
    nc_buf_addc(&b, '\0');
    return b.p;
}

static void replace(char **at, const json_t *obj, const char *key)
{
    if (*at && !json_object_get(obj, key))
        return;
    free(*at);
    *at = nc_model_clean(nc_model_str(obj, key));
}

/* Who else is in a direct room; alone with oneself: oneself. */
static void set_peer(struct nc_model *m, struct nc_model_room *r, const json_t *members)
{
    json_t *one;
    size_t i;

    if (!members || strcmp(r->kind, "room") == 0)
        return;
    json_array_foreach(members, i, one)
    {
        struct nc_id id;
        if (r->peer && nc_model_id(one, "id", &id) && nc_model_is_me(m, &id))
            continue;
        free(r->peer);
        r->peer = nc_model_clean(nc_model_str(one, "username"));
    }
}

/* ---- rooms ---------------------------------------------------------------- */

static void free_typists(struct nc_model_room *r)
{
    for (size_t i = 0; i < r->typists_n; i++)
        free(r->typists[i].name);
    free(r->typists);
}

static void free_room(struct nc_model_room *r)
{
    nc_model_forget(r);
    free(r->messages);
    free_typists(r);
    for (size_t i = 0; i < r->people_n; i++)
        free(r->people[i]);
    free(r->people);
    free(r->here);
    free(r->name);
    free(r->topic);
    free(r->kind);
    free(r->role);
    free(r->peer);
    nc_model_room_ai_fini(&r->ai);
    free(r);
}

void nc_model_fini(struct nc_model *m)
{
    for (size_t i = 0; i < m->n; i++)
        free_room(m->rooms[i]);
    for (size_t i = 0; i < m->orphans_n; i++)
        nc_model_free_message(m->orphans[i]);
    free(m->orphans);
    free(m->rooms);
    for (size_t i = 0; i < NC_MODEL_SERVERS; i++)
        free(m->me[i].username);
    nc_origins_fini(&m->origins);
    *m = (struct nc_model){0};
}

void nc_model_me(struct nc_model *m, unsigned from, const struct nc_id *id,
                 const char *username)
{
    char *name = nc_str_dup(nc_str(username));

    free(m->me[from].username);
    m->me[from] = (struct nc_model_me){*id, name};
}

bool nc_model_is_me(const struct nc_model *m, const struct nc_id *id)
{
    for (size_t i = 0; i < NC_MODEL_SERVERS; i++)
        if (m->me[i].username && nc_id_eq(&m->me[i].id, id))
            return true;
    return false;
}

const char *nc_model_username(const struct nc_model *m)
{
    for (size_t i = 0; i < NC_MODEL_SERVERS; i++)
        if (m->me[i].username)
            return m->me[i].username;
    return "";
}

struct nc_model_room *nc_model_room(const struct nc_model *m, const struct nc_id *id)
{
    for (size_t i = 0; i < m->n; i++)
        if (nc_id_eq(&m->rooms[i]->id, id))
            return m->rooms[i];
    return NULL;
}

static bool same_folded(struct nc_str a, struct nc_str b)
{
    struct nc_buf fa = {0}, fb = {0};

    nc_utf8_fold(a, false, &fa);
    nc_utf8_fold(b, false, &fb);
    bool same = nc_str_eq(nc_buf_str(&fa), nc_buf_str(&fb));
    nc_buf_fini(&fa);
    nc_buf_fini(&fb);
    return same;
}

struct nc_model_room *nc_model_find(const struct nc_model *m, struct nc_str name,
                                    bool *ambiguous)
{
    struct nc_model_room *found = NULL;
    struct nc_id id;

    *ambiguous = false;
    if (nc_id_parse(name, &id) == NC_OK)
        return nc_model_room(m, &id);
    for (size_t i = 0; i < m->n; i++) {
        struct nc_model_room *r = m->rooms[i];
        bool at = name.n > 1 && name.p[0] == '@';
        struct nc_str user = at ? (struct nc_str){name.p + 1, name.n - 1} : name;
        if (at && r->peer && nc_str_eqz(user, r->peer))
            return r;
        if (!same_folded(nc_str(r->name), name))
            continue;
        *ambiguous = found != NULL;
        if (found)
            return NULL;
        found = r;
    }
    return found;
}

static int by_name(const void *a, const void *b)
{
    const struct nc_model_room *const *x = a, *const *y = b;
    bool dx = strcmp((*x)->kind, "direct") == 0, dy = strcmp((*y)->kind, "direct") == 0;
    int d = dx - dy;

    if (d == 0)
        d = strcmp((*x)->name, (*y)->name);
    return d ? d : nc_id_cmp(&(*x)->id, &(*y)->id);
}

struct nc_model_room *nc_model_take_room(struct nc_model *m, unsigned from,
                                         const json_t *room)
{
    struct nc_id id;
    const json_t *v;

    if (!nc_model_id(room, "id", &id))
        return NULL;
    struct nc_model_room *r = nc_model_room(m, &id);
    if (!r) {
        if (m->n == m->cap) {
            m->cap = m->cap ? m->cap * 2 : 16;
            m->rooms = nc_realloc(m->rooms, m->cap * sizeof(struct nc_model_room *));
        }
        r = m->rooms[m->n++] = nc_alloc(sizeof *r);
        r->id = id;
    }
    if (!r->name || nc_model_str(room, "name").n) /* events know no name of a direct room */
        replace(&r->name, room, "name");
    replace(&r->topic, room, "topic");
    replace(&r->kind, room, "kind");
    replace(&r->role, room, "role");
    set_peer(m, r, json_object_get(room, "members"));
    nc_model_room_ai_take(&r->ai, room);
    r->is_public = nc_str_eqz(nc_model_str(room, "visibility"), "public");
    if ((v = json_object_get(room, "members_count")))
        r->members_count = (unsigned)json_integer_value(v);
    if ((v = json_object_get(room, "unread")))
        r->unread = (unsigned)json_integer_value(v);
    if ((v = json_object_get(room, "mentions")))
        r->mentions = (unsigned)json_integer_value(v);
    r->servers |= 1u << from;
    qsort(m->rooms, m->n, sizeof(struct nc_model_room *), by_name);
    return r;
}

void nc_model_drop_room(struct nc_model *m, const struct nc_id *id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!nc_id_eq(&m->rooms[i]->id, id))
            continue;
        free_room(m->rooms[i]);
        memmove(&m->rooms[i], &m->rooms[i + 1],
                (m->n - i - 1) * sizeof(struct nc_model_room *));
        m->n--;
        return;
    }
}

static void drop_unheld(struct nc_model *m)
{
    for (size_t i = m->n; i > 0; i--)
        if (!m->rooms[i - 1]->servers)
            nc_model_drop_room(m, &m->rooms[i - 1]->id);
}

void nc_model_take_rooms(struct nc_model *m, unsigned from, const json_t *rooms)
{
    size_t i;
    json_t *room;

    for (i = 0; i < m->n; i++)
        m->rooms[i]->servers &= ~(1u << from);
    json_array_foreach(rooms, i, room) nc_model_take_room(m, from, room);
    drop_unheld(m);
}

void nc_model_leave(struct nc_model *m, unsigned from)
{
    for (size_t i = 0; i < m->n; i++)
        m->rooms[i]->servers &= ~(1u << from);
    drop_unheld(m);
    nc_origins_fini(&m->origins);
    free(m->me[from].username);
    m->me[from] = (struct nc_model_me){0};
}

bool nc_model_same_name(const struct nc_model *m, const struct nc_model_room *r)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->rooms[i] != r && m->rooms[i]->servers != r->servers &&
            same_folded(nc_str(m->rooms[i]->name), nc_str(r->name)))
            return true;
    return false;
}

/* ---- people --------------------------------------------------------------- */

void nc_model_person(struct nc_model_room *r, const char *username, int online)
{
    size_t i = 0;

    if (!*username)
        return;
    while (i < r->people_n && strcmp(r->people[i], username) != 0)
        i++;
    if (i == r->people_n) {
        r->people = nc_realloc(r->people, (i + 1) * sizeof(char *));
        r->here = nc_realloc(r->here, (i + 1) * sizeof(bool));
        r->people[i] = nc_str_dup(nc_str(username));
        r->here[i] = false;
        r->people_n++;
    }
    if (online >= 0)
        r->here[i] = online > 0;
}

void nc_model_take_members(struct nc_model_room *r, const json_t *members)
{
    size_t i;
    json_t *one;

    json_array_foreach(members, i, one)
    {
        char *name = nc_model_clean(nc_model_str(one, "username"));
        const json_t *online = json_object_get(one, "online");
        nc_model_person(r, name, online ? json_is_true(online) : -1);
        free(name);
    }
    r->people_loaded = true;
}

unsigned nc_model_online(const struct nc_model_room *r)
{
    unsigned n = 0;

    for (size_t i = 0; i < r->people_n; i++)
        n += r->here[i];
    return n;
}

bool nc_model_typing(struct nc_model_room *r, uint64_t now_ms, struct nc_buf *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->typists_n; i++) {
        if (r->typists[i].until_ms <= now_ms) {
            free(r->typists[i].name);
            continue;
        }
        nc_buf_printf(out, "%s%s", kept ? ", " : "", r->typists[i].name);
        r->typists[kept++] = r->typists[i];
    }
    r->typists_n = kept;
    return kept > 0;
}

/* ---- questions ------------------------------------------------------------ */

struct nc_model_message *nc_model_last_own(const struct nc_model_room *r)
{
    for (size_t i = r->n; i > 0; i--) {
        struct nc_model_message *x = r->messages[i - 1];
        if (x->mine && !x->deleted && x->kind != NC_TEXT_LOCAL && x->kind != NC_TEXT_NOTICE)
            return x;
    }
    return NULL;
}

struct nc_model_message *nc_model_last_answer(const struct nc_model_room *r)
{
    for (size_t i = r->n; i > 0; i--) {
        struct nc_model_message *x = r->messages[i - 1];
        if (x->sender_kind == NC_SENDER_PERSONA && x->kind == NC_TEXT_PLAIN &&
            !x->deleted && x->state != NC_ANSWER_STREAMING)
            return x;
    }
    return NULL;
}

struct nc_model_message *nc_model_running(const struct nc_model_room *r)
{
    for (size_t i = r->n; i > 0; i--)
        if (r->messages[i - 1]->state == NC_ANSWER_STREAMING &&
            !r->messages[i - 1]->deleted)
            return r->messages[i - 1];
    return NULL;
}
