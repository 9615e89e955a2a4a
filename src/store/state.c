#include "store/state.h"

#include <string.h>

#include "base/utf8.h"
#include "crypto/hash.h"

/* ---- names --------------------------------------------------------------- */

enum { BY_REF = 1, BY_SUBJECT, BY_BOTH };

static const struct {
    enum nc_state_kind kind;
    uint8_t by;
    bool ends;
} events[] = {
    [NC_EV_MESSAGE_CREATED] = {NC_STATE_MESSAGE, BY_REF, false},
    [NC_EV_MESSAGE_UPDATED] = {NC_STATE_MESSAGE, BY_REF, false},
    [NC_EV_MESSAGE_DELETED] = {NC_STATE_MESSAGE, BY_REF, true},
    [NC_EV_MESSAGE_COMPLETED] = {NC_STATE_MESSAGE, BY_REF, false},
    [NC_EV_ROOM_CREATED] = {NC_STATE_ROOM, BY_REF, false},
    [NC_EV_ROOM_UPDATED] = {NC_STATE_ROOM, BY_REF, false},
    [NC_EV_ROOM_DELETED] = {NC_STATE_ROOM, BY_REF, true},
    [NC_EV_MEMBER_JOINED] = {NC_STATE_MEMBER, BY_BOTH, false},
    [NC_EV_MEMBER_LEFT] = {NC_STATE_MEMBER, BY_BOTH, true},
    [NC_EV_MEMBER_UPDATED] = {NC_STATE_MEMBER, BY_BOTH, false},
    [NC_EV_BAN_SET] = {NC_STATE_BAN, BY_BOTH, false},
    [NC_EV_BAN_DELETED] = {NC_STATE_BAN, BY_BOTH, true},
    [NC_EV_ACCOUNT_CREATED] = {NC_STATE_ACCOUNT, BY_SUBJECT, false},
    [NC_EV_ACCOUNT_UPDATED] = {NC_STATE_ACCOUNT, BY_SUBJECT, false},
    [NC_EV_ACCOUNT_DELETED] = {NC_STATE_ACCOUNT, BY_SUBJECT, true},
    [NC_EV_SESSION_ENDED] = {NC_STATE_SESSION, BY_BOTH, true},
    [NC_EV_KEY_SET] = {NC_STATE_KEY, BY_BOTH, false},
    [NC_EV_KEY_DELETED] = {NC_STATE_KEY, BY_BOTH, true},
    [NC_EV_PERSONA_SET] = {NC_STATE_PERSONA, BY_SUBJECT, false},
    [NC_EV_PERSONA_DELETED] = {NC_STATE_PERSONA, BY_SUBJECT, true},
};

struct nc_state_key nc_state_key(enum nc_state_kind kind, const struct nc_id *a,
                                 const struct nc_id *b)
{
    struct nc_state_key k = {.kind = kind, .a = *a};

    if (b)
        k.b = *b;
    return k;
}

struct nc_state_key nc_state_of(const struct nc_event *e)
{
    unsigned i = (unsigned)e->kind;

    if (i >= NC_COUNT(events) || !events[i].kind)
        return (struct nc_state_key){0};
    return nc_state_key(events[i].kind, events[i].by == BY_SUBJECT ? &e->subject : &e->ref,
                        events[i].by == BY_BOTH ? &e->subject : NULL);
}

bool nc_state_ends(enum nc_event_kind k)
{
    return (unsigned)k < NC_COUNT(events) && events[k].ends;
}

static bool two_ids(enum nc_state_kind k)
{
    return k == NC_STATE_MEMBER || k == NC_STATE_BAN || k == NC_STATE_KEY;
}

size_t nc_state_key_bytes(const struct nc_state_key *k, uint8_t out[NC_STATE_KEY_MAX])
{
    out[0] = (uint8_t)k->kind;
    memcpy(out + 1, k->a.b, 16);
    if (!two_ids(k->kind))
        return 17;
    memcpy(out + 17, k->b.b, 16);
    return 33;
}

struct nc_state_key nc_record_key(const struct nc_record *r)
{
    switch (r->kind) {
    case NC_STATE_ACCOUNT: return nc_state_key(r->kind, &r->account.id, NULL);
    case NC_STATE_ROOM: return nc_state_key(r->kind, &r->room.id, NULL);
    case NC_STATE_MEMBER: return nc_state_key(r->kind, &r->member.room, &r->member.user);
    case NC_STATE_BAN: return nc_state_key(r->kind, &r->ban.room, &r->ban.user);
    case NC_STATE_PERSONA: return nc_state_key(r->kind, &r->persona.user, NULL);
    case NC_STATE_KEY: return nc_state_key(r->kind, &r->key.id, &r->key.user);
    case NC_STATE_MESSAGE: return nc_state_key(r->kind, &r->message.id, NULL);
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
    return (struct nc_state_key){0};
}

int nc_stamp_cmp(const struct nc_stamp *a, const struct nc_stamp *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    int order = nc_id_cmp(&a->origin, &b->origin);
    if (order == 0)
        order = (a->origin_seq > b->origin_seq) - (a->origin_seq < b->origin_seq);
    return order;
}

/* ---- canonical bytes ----------------------------------------------------- */

enum type { ID, U64, U32, U8, FLAG, TEXT, HASH };

struct field {
    enum type type;
    size_t at; /* in struct nc_record */
};

#define AT(member) offsetof(struct nc_record, member)
/* The order is the format: it only ever changes with the version byte. */
static const struct field account_fields[] = {
    {ID, AT(account.id)},
    {U8, AT(account.kind)},
    {U8, AT(account.role)},
    {FLAG, AT(account.disabled)},
    {FLAG, AT(account.deleted)},
    {TEXT, AT(account.username)},
    {HASH, AT(claim)},
    {TEXT, AT(account.display_name)},
    {TEXT, AT(account.password)},
    {U64, AT(account.created_ms)},
    {U64, AT(created_hlc)},
};
static const struct field room_fields[] = {
    {ID, AT(room.id)},          {ID, AT(room.created_by)},   {U8, AT(room.kind)},
    {U8, AT(room.visibility)},  {TEXT, AT(room.name)},       {TEXT, AT(room.topic)},
    {U64, AT(room.created_ms)}, {U64, AT(room.deleted_ms)},  {U32, AT(room.retention_days)},
    {TEXT, AT(room.settings)},  {TEXT, AT(room.encryption)}, {ID, AT(room.home)},
    {U64, AT(room.epoch)},
};
static const struct field member_fields[] = {
    {ID, AT(member.room)},
    {ID, AT(member.user)},
    {U8, AT(member.role)},
    {U64, AT(member.joined_ms)},
};
static const struct field ban_fields[] = {
    {ID, AT(ban.room)},        {ID, AT(ban.user)},      {ID, AT(ban.by)},
    {U64, AT(ban.created_ms)}, {U64, AT(ban.until_ms)},
};
static const struct field persona_fields[] = {
    {ID, AT(persona.user)},
    {TEXT, AT(persona.settings)},
    {U64, AT(persona.created_ms)},
};
static const struct field key_fields[] = {
    {ID, AT(key.id)},
    {ID, AT(key.user)},
    {HASH, AT(key.hash)},
    {TEXT, AT(key.name)},
    {TEXT, AT(key.scopes)},
    {U64, AT(key.created_ms)},
    {U64, AT(key.expires_ms)},
    {U64, AT(key.tokens_per_day)},
    {U64, AT(key.requests_per_day)},
};
static const struct field message_fields[] = {
    {ID, AT(message.id)},         {ID, AT(message.room)},
    {ID, AT(message.sender)},     {ID, AT(message.client_id)},
    {ID, AT(message.reply_to)},   {U8, AT(message.kind)},
    {U8, AT(message.state)},      {U64, AT(message.created_ms)},
    {U64, AT(message.edited_ms)}, {TEXT, AT(message.content_type)},
    {TEXT, AT(message.mentions)}, {TEXT, AT(message.ai)},
    {TEXT, AT(message.code)},     {TEXT, AT(message.body)},
};
#undef AT

static const struct field *fields_of(enum nc_state_kind kind, size_t *n)
{
#define GIVE(table) (*n = NC_COUNT(table), (table))
    switch (kind) {
    case NC_STATE_ACCOUNT: return GIVE(account_fields);
    case NC_STATE_ROOM: return GIVE(room_fields);
    case NC_STATE_MEMBER: return GIVE(member_fields);
    case NC_STATE_BAN: return GIVE(ban_fields);
    case NC_STATE_PERSONA: return GIVE(persona_fields);
    case NC_STATE_KEY: return GIVE(key_fields);
    case NC_STATE_MESSAGE: return GIVE(message_fields);
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
#undef GIVE
    *n = 0;
    return NULL;
}

static void add_number(struct nc_buf *out, uint64_t v, unsigned size)
{
    uint8_t b[8];

    for (unsigned i = 0; i < size; i++)
        b[i] = (uint8_t)(v >> (8 * (size - 1 - i)));
    nc_buf_add(out, b, size);
}

static void add_field(struct nc_buf *out, enum type type, const void *at)
{
    const struct nc_str *s = at;

    switch (type) {
    case ID: nc_buf_add(out, at, 16); break;
    case HASH: nc_buf_add(out, at, NC_STATE_HASH); break;
    case U64: add_number(out, *(const uint64_t *)at, 8); break;
    case U32: add_number(out, *(const uint32_t *)at, 4); break;
    case U8: add_number(out, *(const uint32_t *)at, 1); break; /* enums */
    case FLAG: add_number(out, *(const bool *)at, 1); break;
    case TEXT:
        add_number(out, s->n, 4);
        nc_buf_adds(out, *s);
        break;
    }
}

/* What is being written is no content yet: it changes without events. */
static bool unwritten(const struct nc_record *r, const struct field *f)
{
    return r->kind == NC_STATE_MESSAGE && r->message.state == NC_STREAMING &&
           f->at == offsetof(struct nc_record, message.body);
}

void nc_record_bytes(const struct nc_record *r, struct nc_buf *out)
{
    static const struct nc_str none;
    size_t n;
    const struct field *f = fields_of(r->kind, &n);

    (void)nc_buf_reserve(out, nc_record_size(r));
    nc_buf_addc(out, 1);
    nc_buf_addc(out, (char)r->kind);
    for (size_t i = 0; i < n; i++)
        add_field(out, f[i].type,
                  unwritten(r, &f[i]) ? (const void *)&none
                                      : (const void *)((const char *)r + f[i].at));
}

/* The next n bytes of `in`, or NULL. */
static const char *take(struct nc_str *in, size_t n)
{
    const char *p = in->p;

    if (in->n < n)
        return NULL;
    in->p += n;
    in->n -= n;
    return p;
}

static bool take_number(struct nc_str *in, unsigned size, uint64_t *out)
{
    const uint8_t *p = (const uint8_t *)take(in, size);

    *out = 0;
    for (unsigned i = 0; p && i < size; i++)
        *out = *out << 8 | p[i];
    return p != NULL;
}

static bool take_bytes(struct nc_str *in, void *to, size_t n)
{
    const char *p = take(in, n);

    if (p)
        memcpy(to, p, n);
    return p != NULL;
}

static bool take_field(struct nc_str *in, enum type type, void *at)
{
    struct nc_str *s = at;
    uint64_t v;

    switch (type) {
    case ID: return take_bytes(in, at, 16);
    case HASH: return take_bytes(in, at, NC_STATE_HASH);
    case U64: return take_number(in, 8, at);
    case U32:
    case U8:
        if (!take_number(in, type == U32 ? 4 : 1, &v))
            return false;
        *(uint32_t *)at = (uint32_t)v;
        return true;
    case FLAG:
        if (!take_number(in, 1, &v) || v > 1)
            return false;
        *(bool *)at = v;
        return true;
    case TEXT:
        if (!take_number(in, 4, &v) || !(s->p = take(in, v)))
            return false;
        s->n = v;
        return s->n == 0 || (nc_utf8_valid(*s) && !memchr(s->p, 0, s->n));
    }
    return false;
}

/* Numbers of enums that this version does not know can't be kept as if it did, and what
 * streams has no content yet: a record has one form. */
static bool sane(const struct nc_record *r)
{
    switch (r->kind) {
    case NC_STATE_ACCOUNT:
        return r->account.kind <= NC_SYSTEM && r->account.role <= NC_ROLE_OWNER;
    case NC_STATE_ROOM: return r->room.kind <= NC_DIALOG && r->room.visibility <= NC_PUBLIC;
    case NC_STATE_MEMBER: return r->member.role <= NC_OWNER;
    case NC_STATE_MESSAGE:
        return r->message.kind <= NC_NOTICE && r->message.state <= NC_FAILED &&
               (r->message.state != NC_STREAMING || !r->message.body.n);
    case NC_STATE_BAN:
    case NC_STATE_PERSONA:
    case NC_STATE_KEY: return true;
    case NC_STATE_NONE:
    case NC_STATE_SESSION: break;
    }
    return false;
}

enum nc_err nc_record_parse(struct nc_str bytes, struct nc_record *out)
{
    const char *head = take(&bytes, 2);
    size_t n;

    *out = (struct nc_record){0};
    if (!head || head[0] != 1)
        return NC_EINVAL;
    out->kind = (enum nc_state_kind)(uint8_t)head[1];
    const struct field *f = fields_of(out->kind, &n);
    for (size_t i = 0; i < n; i++)
        if (!take_field(&bytes, f[i].type, (char *)out + f[i].at))
            return NC_EINVAL;
    return bytes.n == 0 && sane(out) ? NC_OK : NC_EINVAL;
}

/* ---- hashes -------------------------------------------------------------- */

void nc_record_hash(const struct nc_record *r, uint8_t out[NC_STATE_HASH])
{
    struct nc_buf b = {0};

    nc_record_bytes(r, &b);
    nc_sha256(b.p, b.n, out);
    nc_buf_fini(&b);
}

static void old_hash(const struct nc_message *m, uint8_t out[NC_STATE_HASH])
{
    struct nc_buf b = {0};

    nc_buf_add(&b, &m->id, 16);
    nc_buf_add(&b, &m->room, 16);
    nc_buf_add(&b, &m->sender, 16);
    nc_buf_addc(&b, (char)m->kind);
    nc_buf_adds(&b, m->content_type);
    nc_buf_addc(&b, 0);
    nc_buf_adds(&b, m->body);
    nc_sha256(b.p, b.n, out);
    nc_buf_fini(&b);
}

static bool fits_old(const struct nc_record *r, const uint8_t hash[NC_STATE_HASH])
{
    uint8_t own[NC_STATE_HASH];

    if (r->kind != NC_STATE_MESSAGE)
        return false;
    old_hash(&r->message, own);
    return memcmp(own, hash, NC_STATE_HASH) == 0;
}

bool nc_record_fits(const struct nc_record *r, const uint8_t hash[NC_STATE_HASH])
{
    uint8_t own[NC_STATE_HASH];

    nc_record_hash(r, own);
    return memcmp(own, hash, NC_STATE_HASH) == 0 || fits_old(r, hash);
}

bool nc_record_announced(const struct nc_record *r, const struct nc_event *e,
                         struct nc_buf *bytes, bool *exact)
{
    bool ends = nc_state_ends(e->kind);
    uint8_t hash[NC_STATE_HASH];

    if (ends && r->kind != NC_STATE_ACCOUNT)
        return false;
    if (r->kind == NC_STATE_ACCOUNT && r->account.deleted != ends)
        return false;
    if (r->kind == NC_STATE_MESSAGE && r->message.deleted)
        return false;
    nc_buf_clear(bytes);
    nc_record_bytes(r, bytes);
    nc_sha256(bytes->p, bytes->n, hash);
    *exact = memcmp(hash, e->body_hash, NC_STATE_HASH) == 0;
    return *exact || fits_old(r, e->body_hash);
}

size_t nc_record_size(const struct nc_record *r)
{
    size_t n, size = 2;
    const struct field *f = fields_of(r->kind, &n);

    for (size_t i = 0; i < n; i++)
        size +=
            f[i].type == TEXT ? ((const struct nc_str *)((const char *)r + f[i].at))->n : 8;
    return size;
}

void nc_name_claim(struct nc_str username, uint8_t out[NC_STATE_HASH])
{
    nc_sha256(username.n ? username.p : "", username.n, out);
}

/* As one number that wraps: a sum knows no order. */
static void add_digest(uint8_t sum[NC_STATE_HASH], const struct nc_buf *b)
{
    uint8_t digest[NC_STATE_HASH];
    unsigned carry = 0;

    nc_sha256(b->p, b->n, digest);
    for (unsigned i = NC_STATE_HASH; i-- > 0; carry >>= 8) {
        carry += (unsigned)sum[i] + digest[i];
        sum[i] = (uint8_t)carry;
    }
}

void nc_state_add(uint8_t sum[NC_STATE_HASH], const struct nc_record *r,
                  struct nc_str username)
{
    struct nc_record seen = *r;
    struct nc_buf b = {0};

    if (r->kind == NC_STATE_MEMBER) /* who made the room has each node's own time */
        seen.member.joined_ms = 0;
    nc_record_bytes(&seen, &b);
    if (r->kind == NC_STATE_ACCOUNT)
        nc_buf_adds(&b, username);
    add_digest(sum, &b);
    nc_buf_fini(&b);
}

void nc_state_add_alias(uint8_t sum[NC_STATE_HASH], const struct nc_id *lost,
                        const struct nc_id *kept)
{
    struct nc_buf b = {0};

    nc_buf_adds(&b, NC_STR("alias"));
    nc_buf_add(&b, lost, sizeof(*lost));
    nc_buf_add(&b, kept, sizeof(*kept));
    add_digest(sum, &b);
    nc_buf_fini(&b);
}
