#include "chat/people/throttle.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chat/user.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { PAIR_MAX = 5, ADDRESS_MAX = 20, ACCOUNT_MAX = 30, DELAY_MAX_S = 300 };
enum { KEY_MAX = 160 };

/* ---- buckets ------------------------------------------------------------- */

/* The generic cell rate algorithm: one number says when the bucket is full again. */
static unsigned take(struct nc_bucket *b, unsigned cost, unsigned n, uint64_t window_ms,
                     uint64_t now_us)
{
    if (!n)
        return 0;
    uint64_t window = window_ms * 1000, step = cost * window / n;
    uint64_t due = b->due_us > now_us ? b->due_us : now_us;
    if (due + step > now_us + window) {
        uint64_t wait = due + step - window - now_us;
        return (unsigned)((wait + 999999) / 1000000);
    }
    b->due_us = due + step;
    return 0;
}

unsigned nc_bucket_take(struct nc_bucket *b, unsigned n, uint64_t window_ms,
                        uint64_t now_us)
{
    return take(b, 1, n, window_ms, now_us);
}

/* Every message that may be sent in 10 s, as long as may be and escaped six times over,
 * and as much again. */
static unsigned kib_of(const struct nc_limits *l)
{
    uint64_t kib = (uint64_t)l->sends_per_10s * l->message_max * 12 / 1024 + 4096;

    return kib < INT32_MAX ? (unsigned)kib : INT32_MAX;
}

static unsigned rate_of(const struct nc_limits *l, enum nc_rate r, uint64_t *window_ms)
{
    switch (r) {
    case NC_RATE_SENDS: *window_ms = 10 * 1000; return l->sends_per_10s;
    case NC_RATE_ROOMS: *window_ms = DAY; return l->rooms_per_day;
    case NC_RATE_TICKETS: *window_ms = MINUTE; return l->tickets_per_min;
    case NC_RATE_HISTORY: *window_ms = 1000; return l->history_per_s;
    case NC_RATE_LISTS: *window_ms = 10 * 1000; return l->lists_per_10s;
    case NC_RATE_CHANGES: *window_ms = 10 * 1000; return l->changes_per_10s;
    case NC_RATE_KIB: *window_ms = 10 * 1000; return kib_of(l);
    case NC_RATES: break;
    }
    return 0;
}

bool nc_rate_take(const struct nc_chat *c, struct nc_user *u, enum nc_rate r,
                  struct nc_problem *why)
{
    return nc_rate_take_n(c, u, r, 1, why);
}

bool nc_rate_take_n(const struct nc_chat *c, struct nc_user *u, enum nc_rate r,
                    unsigned cost, struct nc_problem *why)
{
    static const char *const what[NC_RATES] = {"messages",      "new rooms", "tickets",
                                               "history reads", "lists",     "changes"};
    uint64_t window_ms = 0;
    unsigned n = rate_of(&c->opts.limits, r, &window_ms);

    if (!c->opts.limits.rates)
        return true;
    if (!u->buckets)
        u->buckets = nc_alloc(NC_RATES * sizeof *u->buckets);
    unsigned wait = take(&u->buckets[r], cost, n, window_ms, nc_mono_ns() / 1000);
    if (!wait)
        return true;
    nc_problem_set(why, NC_P_RATE_LIMITED, "at most %u %s in %u s", n, what[r],
                   (unsigned)(window_ms / 1000));
    if (why)
        why->retry_after_s = wait;
    return false;
}

/* ---- tables of what was seen --------------------------------------------- */

struct entry {
    struct nc_list by_age;
    uint64_t start_ms; /* when its window began */
    uint64_t last_ms;
    uint32_t count;
    struct nc_bucket bucket;
    size_t key_n;
    char key[];
};

struct table {
    struct nc_map map;
    struct nc_list by_age; /* longest untouched first */
    size_t max;
};

struct nc_throttle {
    struct table pairs, addresses, accounts, known, registrations, guesses;
};

static void table_init(struct table *t, size_t max)
{
    t->max = max;
    nc_list_init(&t->by_age);
}

static void drop(struct table *t, struct entry *e)
{
    nc_map_del(&t->map, e->key, e->key_n);
    nc_list_del(&e->by_age);
    free(e);
}

static void table_fini(struct table *t)
{
    while (!nc_list_empty(&t->by_age))
        drop(t, nc_of(t->by_age.next, struct entry, by_age));
    nc_map_fini(&t->map);
}

static struct entry *look(const struct table *t, struct nc_str key)
{
    return nc_map_get(&t->map, key.p, key.n);
}

static struct entry *touch(struct table *t, struct nc_str key)
{
    struct entry *e = look(t, key);

    if (e) {
        nc_list_del(&e->by_age);
    } else {
        if (t->map.n >= t->max)
            drop(t, nc_of(t->by_age.next, struct entry, by_age));
        e = nc_alloc(sizeof *e + key.n);
        e->key_n = key.n;
        memcpy(e->key, key.p, key.n);
        nc_map_put(&t->map, e->key, e->key_n, e);
    }
    nc_list_add(&t->by_age, &e->by_age);
    return e;
}

/* A window begins with its first failure and ends as a whole. */
static uint32_t counted(const struct entry *e, uint64_t window_ms, uint64_t now_ms)
{
    return e && now_ms - e->start_ms < window_ms ? e->count : 0;
}

static void count(struct table *t, struct nc_str key, uint64_t window_ms, uint64_t now_ms)
{
    struct entry *e = touch(t, key);

    if (now_ms - e->start_ms >= window_ms || !e->count) {
        e->start_ms = now_ms;
        e->count = 0;
    }
    e->count++;
    e->last_ms = now_ms;
}

static void uncount(struct table *t, struct nc_str key)
{
    struct entry *e = look(t, key);

    if (e && e->count)
        e->count--;
}

static unsigned left_s(uint64_t until_ms, uint64_t now_ms)
{
    return until_ms > now_ms ? (unsigned)((until_ms - now_ms + 999) / 1000) : 0;
}

static unsigned over(const struct table *t, struct nc_str key, uint32_t max,
                     uint64_t window_ms, uint64_t now_ms)
{
    const struct entry *e = look(t, key);

    return counted(e, window_ms, now_ms) >= max ? left_s(e->start_ms + window_ms, now_ms)
                                                : 0;
}

/* ---- keys ---------------------------------------------------------------- */

struct key {
    char text[KEY_MAX];
    size_t n;
};

static struct nc_str str_of(const struct key *k) { return (struct nc_str){k->text, k->n}; }

static void add(struct key *k, struct nc_str s, size_t most)
{
    size_t n = s.n < most ? s.n : most;

    memcpy(k->text + k->n, s.p ? s.p : "", n);
    k->n += n;
}

/* Who has one IPv6 address has the 2^64 of its network: they count as one. */
static struct key net_of(struct nc_str address)
{
    struct key k = {.n = 0};
    char text[64];
    struct in6_addr v6;

    if (address.p && address.n < sizeof text && memchr(address.p, ':', address.n)) {
        memcpy(text, address.p, address.n);
        text[address.n] = '\0';
        if (inet_pton(AF_INET6, text, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
            add(&k, (struct nc_str){(const char *)v6.s6_addr, 8}, 8);
            return k;
        }
    }
    add(&k, address, 64);
    return k;
}

static struct key account_key(struct nc_str account)
{
    struct key k = {.n = 0};

    add(&k, account, 64);
    return k;
}

static struct key pair_of(struct nc_str account, struct nc_str address)
{
    struct key k = account_key(account), net = net_of(address);

    k.text[k.n++] = '\0';
    add(&k, str_of(&net), 64);
    return k;
}

/* ---- the limiter --------------------------------------------------------- */

struct nc_throttle *nc_throttle_new(size_t max)
{
    struct nc_throttle *t = nc_alloc(sizeof *t);

    table_init(&t->pairs, max);
    table_init(&t->addresses, max);
    table_init(&t->accounts, max);
    table_init(&t->known, max);
    table_init(&t->registrations, max);
    table_init(&t->guesses, max);
    return t;
}

void nc_throttle_free(struct nc_throttle *t)
{
    if (!t)
        return;
    table_fini(&t->pairs);
    table_fini(&t->addresses);
    table_fini(&t->accounts);
    table_fini(&t->known);
    table_fini(&t->registrations);
    table_fini(&t->guesses);
    free(t);
}

unsigned nc_throttle_register(struct nc_throttle *t, struct nc_str address, unsigned n,
                              uint64_t now_ms)
{
    struct key net = net_of(address);

    return nc_bucket_take(&touch(&t->registrations, str_of(&net))->bucket, n, HOUR,
                          now_ms * 1000);
}

unsigned nc_throttle_guesses(struct nc_throttle *t, struct nc_str address, uint64_t now_ms)
{
    struct key net = net_of(address);

    return over(&t->guesses, str_of(&net), ADDRESS_MAX, MINUTE, now_ms);
}

void nc_throttle_guessed(struct nc_throttle *t, struct nc_str address, uint64_t now_ms)
{
    struct key net = net_of(address);

    count(&t->guesses, str_of(&net), MINUTE, now_ms);
}

/* 1, 2, 4 … seconds after each failure beyond the thirtieth of an hour. */
static unsigned account_wait(const struct nc_throttle *t, struct nc_str account,
                             uint64_t now_ms)
{
    struct key k = account_key(account);
    const struct entry *e = look(&t->accounts, str_of(&k));
    uint32_t n = counted(e, HOUR, now_ms);

    if (n <= ACCOUNT_MAX)
        return 0;
    uint32_t doublings = n - ACCOUNT_MAX - 1;
    uint64_t delay_s = doublings < 9 ? 1u << doublings : DELAY_MAX_S;
    if (delay_s > DELAY_MAX_S)
        delay_s = DELAY_MAX_S;
    return left_s(e->last_ms + delay_s * 1000, now_ms);
}

unsigned nc_throttle_attempt(struct nc_throttle *t, struct nc_str account,
                             struct nc_str address, bool known, uint64_t now_ms)
{
    struct key pair = pair_of(account, address), net = net_of(address);
    struct key name = account_key(account);
    unsigned wait = over(&t->pairs, str_of(&pair), PAIR_MAX, MINUTE, now_ms);

    if (!wait && !known)
        wait = over(&t->addresses, str_of(&net), ADDRESS_MAX, MINUTE, now_ms);
    if (!wait && !known)
        wait = account_wait(t, account, now_ms);
    if (wait)
        return wait;
    count(&t->pairs, str_of(&pair), MINUTE, now_ms);
    count(&t->addresses, str_of(&net), MINUTE, now_ms);
    count(&t->accounts, str_of(&name), HOUR, now_ms);
    return 0;
}

void nc_throttle_pardon(struct nc_throttle *t, struct nc_str account, struct nc_str address)
{
    struct key pair = pair_of(account, address), net = net_of(address);
    struct key name = account_key(account);

    uncount(&t->pairs, str_of(&pair));
    uncount(&t->addresses, str_of(&net));
    uncount(&t->accounts, str_of(&name));
}

void nc_throttle_welcome(struct nc_throttle *t, struct nc_str account,
                         struct nc_str address, uint64_t now_ms)
{
    struct key pair = pair_of(account, address);
    struct entry *e = touch(&t->known, str_of(&pair));

    e->count = 1;
    e->last_ms = now_ms;
}

bool nc_throttle_known(struct nc_throttle *t, struct nc_str account, struct nc_str address,
                       uint64_t now_ms)
{
    struct key pair = pair_of(account, address);
    const struct entry *e = look(&t->known, str_of(&pair));

    return e && now_ms - e->last_ms < NC_KNOWN_MS;
}

bool nc_throttle_hot(struct nc_throttle *t, struct nc_str account, struct nc_str address,
                     uint64_t now_ms)
{
    struct key net = net_of(address);

    return over(&t->addresses, str_of(&net), ADDRESS_MAX, MINUTE, now_ms) ||
           account_wait(t, account, now_ms);
}

size_t nc_throttle_size(const struct nc_throttle *t)
{
    return t->pairs.map.n + t->addresses.map.n + t->accounts.map.n + t->known.map.n +
           t->registrations.map.n + t->guesses.map.n;
}
