/* What every store promises: whatever happened on nodes that were cut off, in whatever
 * order they hear of it, they come to the same. */
#include "store_nodes.h"

/* ---- chance -------------------------------------------------------------- */

static uint64_t seed;

static unsigned any(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % n);
}

/* ---- what a node has to do with ------------------------------------------ */

struct things {
    struct nc_query q;
    struct {
        struct nc_id id, room, sender;
        unsigned state;
    } at[512];
    unsigned n;
};

static void on_thing(struct nc_query *q, const struct nc_row *row)
{
    struct things *t = nc_of(q, struct things, q);

    if (t->n == NC_COUNT(t->at))
        return;
    t->at[t->n].id = row->account.id;
    if (q->kind == NC_Q_ACCOUNTS && row->account.deleted)
        return;
    if (q->kind == NC_Q_ROOMS) {
        t->at[t->n].id = row->room.id;
        if (row->room.deleted_ms)
            return;
    }
    if (q->kind == NC_Q_HISTORY) {
        t->at[t->n].id = row->message.id;
        t->at[t->n].room = row->message.room;
        t->at[t->n].sender = row->message.sender;
        t->at[t->n].state = row->message.state;
        if (row->message.deleted)
            return;
    }
    t->n++;
}

static struct things all;

static bool pick(unsigned node, enum nc_query_kind kind, struct nc_id room,
                 struct nc_id *out)
{
    all.n = 0;
    all.q = (struct nc_query){.kind = kind, .room = room, .limit = 500, .row = on_thing};
    assert_int_equal(nc_store_read_now(nodes[node].store, &all.q), NC_OK);
    if (all.n)
        *out = all.at[any(all.n)].id;
    return all.n > 0;
}

static unsigned made; /* ids so far */

static struct nc_id new_id(void)
{
    made++;
    return id(1000 + made);
}

static struct nc_event now(unsigned node, enum nc_event_kind kind, struct nc_id ref,
                           struct nc_id subject)
{
    struct nc_event e = event(kind, NC_AUD_ROOM, ref, ref);

    e.subject = subject;
    nodes[node].ms += any(5);
    e.hlc = nodes[node].ms << 12 | any(4);
    return e;
}

/* ---- what happens -------------------------------------------------------- */

static void register_one(unsigned node)
{
    static const char *const names[] = {"anna", "boris", "anna-2", "olga", "anna-2-2"};
    struct nc_id user = new_id();
    struct nc_change c = account(user, names[any(NC_COUNT(names))]);

    c.account.kind = any(4) ? NC_PERSON : NC_PERSONA;
    c.event = now(node, NC_EV_ACCOUNT_CREATED, id(0), user);
    (void)put(c);
}

static void change_account(unsigned node)
{
    struct nc_id user;
    struct nc_change c = {.kind = NC_ACCOUNT_UPDATE};
    char name[16];

    if (!pick(node, NC_Q_ACCOUNTS, id(0), &user))
        return;
    snprintf(name, sizeof(name), "Name %u", any(1000));
    c.account = (struct nc_account){
        .id = user, .role = any(3), .disabled = any(2), .display_name = nc_str(name)};
    c.event = now(node, NC_EV_ACCOUNT_UPDATED, id(0), user);
    if (any(12) == 0) {
        c.kind = NC_ACCOUNT_DELETE;
        c.event.kind = NC_EV_ACCOUNT_DELETED;
    }
    OK(c);
}

static void make_room(unsigned node)
{
    struct nc_id maker, r = any(5) ? new_id() : id(900 + any(3)); /* direct: made twice */
    struct nc_change m, c = room(r, "room");

    if (!pick(node, NC_Q_ACCOUNTS, id(0), &maker))
        return;
    c.room.kind = r.b[14] == 3 ? NC_DIRECT : NC_ROOM;
    c.room.created_by = maker;
    c.room.created_ms = nodes[node].ms;
    c.event = now(node, NC_EV_ROOM_CREATED, r, id(0));
    c.event.actor = maker;
    m = quiet(join(r, maker));
    m.member.role = c.room.kind == NC_DIRECT ? NC_MEMBER : NC_OWNER;
    m.member.joined_ms = nodes[node].ms + 1;
    (void)put2(m, c);
}

static void change_room(unsigned node)
{
    struct nc_id r;
    struct nc_change c;
    char name[16];

    if (!pick(node, NC_Q_ROOMS, id(0), &r))
        return;
    snprintf(name, sizeof(name), "room %u", any(1000));
    c = (struct nc_change){.kind = NC_ROOM_UPDATE, .room = {.id = r, .name = nc_str(name)}};
    c.event = now(node, NC_EV_ROOM_UPDATED, r, id(0));
    if (any(15) == 0) {
        c.kind = NC_ROOM_DELETE;
        c.room.deleted_ms = nodes[node].ms;
        c.event.kind = NC_EV_ROOM_DELETED;
    }
    OK(c);
}

static void change_member(unsigned node)
{
    struct nc_id r, user;
    struct nc_change c;

    if (!pick(node, NC_Q_ROOMS, id(0), &r) || !pick(node, NC_Q_ACCOUNTS, id(0), &user))
        return;
    switch (any(4)) {
    case 0:
        c = leave(r, user);
        c.event = now(node, NC_EV_MEMBER_LEFT, r, user);
        break;
    case 1:
        c = (struct nc_change){.kind = NC_BAN_SET,
                               .ban = {.room = r, .user = user, .until_ms = any(100)}};
        c.event = now(node, NC_EV_BAN_SET, r, user);
        break;
    case 2:
        c = (struct nc_change){.kind = NC_BAN_DELETE, .ban = {.room = r, .user = user}};
        c.event = now(node, NC_EV_BAN_DELETED, r, user);
        break;
    default:
        c = join(r, user);
        c.member.role = any(3);
        c.event = now(node, any(2) ? NC_EV_MEMBER_JOINED : NC_EV_MEMBER_UPDATED, r, user);
    }
    (void)put(c);
}

static void change_persona(unsigned node)
{
    struct nc_id user;
    struct nc_change c;
    char settings[24];

    if (!pick(node, NC_Q_ACCOUNTS, id(0), &user))
        return;
    snprintf(settings, sizeof(settings), "{\"n\":%u}", any(1000));
    c = (struct nc_change){.kind = NC_PERSONA_SET,
                           .persona = {.user = user, .settings = nc_str(settings)}};
    c.event = now(node, NC_EV_PERSONA_SET, id(0), user);
    if (any(3) == 0) {
        c.kind = NC_PERSONA_DELETE;
        c.event.kind = NC_EV_PERSONA_DELETED;
    }
    (void)put(c);
}

static void say_something(unsigned node)
{
    struct nc_id r, user;
    struct nc_change c;
    char text[24];

    if (!pick(node, NC_Q_ROOMS, id(0), &r) || !pick(node, NC_Q_ACCOUNTS, id(0), &user))
        return;
    nodes[node].ms++;
    snprintf(text, sizeof(text), "text %u", any(100000));
    c = say(r, user, nodes[node].ms, text);
    c.message.id.b[15] = (uint8_t)(node + 1);
    c.message.mentions = nc_str(any(2) ? "anna" : "");
    if (any(2)) /* also sent to another node */
        c.message.client_id = id(7000 + any(12));
    if (any(5) == 0) {
        c.message.state = NC_STREAMING;
        c.message.body = nc_str("");
    }
    c.event = now(node, NC_EV_MESSAGE_CREATED, r, id(0));
    c.event.ref = c.message.id;
    c.event.to = r;
    (void)put(c);
}

static void alter_message(unsigned node)
{
    struct nc_id r, m;
    struct nc_change c;
    char text[24];

    if (!pick(node, NC_Q_ROOMS, id(0), &r) || !pick(node, NC_Q_HISTORY, r, &m))
        return;
    snprintf(text, sizeof(text), "edited %u", any(100000));
    c = (struct nc_change){.kind = NC_MESSAGE_EDIT,
                           .message = {.id = m,
                                       .body = nc_str(text),
                                       .mentions = nc_str(any(2) ? "boris" : ""),
                                       .edited_ms = nodes[node].ms}};
    c.event = now(node, NC_EV_MESSAGE_UPDATED, r, id(0));
    c.event.ref = m;
    switch (any(6)) {
    case 0:
        c.kind = NC_MESSAGE_DELETE;
        c.event.kind = NC_EV_MESSAGE_DELETED;
        break;
    case 1:
        c.kind = NC_MESSAGE_COMPLETE;
        c.message.state = any(2) ? NC_COMPLETE : NC_FAILED;
        c.event.kind = NC_EV_MESSAGE_COMPLETED;
        break;
    case 2:
        c.kind = NC_MESSAGE_CHECKPOINT;
        c.event = (struct nc_event){0};
        break;
    default: break;
    }
    (void)put(c);
}

static void something_happens(unsigned node)
{
    static void (*const things[])(unsigned) = {
        register_one,  change_account, make_room,     change_room,   change_member,
        change_member, change_persona, say_something, say_something, say_something,
        say_something, alter_message,  alter_message,
    };

    at(node);
    things[any(NC_COUNT(things))](node);
}

/* ---- and what they hear of it -------------------------------------------- */

static void hear_some(unsigned to, unsigned from)
{
    struct vector theirs = vector_of(from);
    unsigned i = any(theirs.n);

    if (!nc_id_eq(&theirs.at[i].id, &nodes[to].store->info.incarnation))
        pull_page(to, from, theirs.at[i].id, 1 + any(30));
}

static void hear_again(unsigned to, unsigned from)
{
    struct vector theirs = vector_of(from), mine = vector_of(to);
    struct nc_id origin = theirs.at[any(theirs.n)].id;
    uint64_t n = has(&mine, origin);

    if (n == 0 || has(&theirs, origin) < n)
        return;
    struct post p = listen(from, origin, any((unsigned)n), 1);
    uint64_t head = nodes[to].store->info.head;
    assert_int_equal(deliver(to, &p.at[0]), NC_EEXIST);
    assert_true(nodes[to].store->info.head == head);
    post_fini(&p);
}

static void restart(unsigned i)
{
    struct vector before = vector_of(i), after;

    if (strcmp(scheme, "mem") == 0)
        return;
    nodes[i].store->ops->close(nodes[i].store);
    open_node(i);
    after = vector_of(i);
    assert_int_equal(before.n, after.n);
    for (unsigned k = 0; k < before.n; k++)
        assert_true(has(&after, before.at[k].id) == before.at[k].n);
}

static void same_order_everywhere(void)
{
    static struct things first;
    struct nc_id r, m;

    if (!pick(0, NC_Q_ROOMS, id(0), &r))
        return;
    (void)pick(0, NC_Q_HISTORY, r, &m);
    first = all;
    for (unsigned i = 1; i < NODES; i++) {
        (void)pick(i, NC_Q_HISTORY, r, &m);
        assert_int_equal(all.n, first.n);
        for (unsigned k = 0; k < all.n; k++)
            assert_memory_equal(&all.at[k].id, &first.at[k].id, sizeof(struct nc_id));
    }
}

static void run(uint64_t with, unsigned steps)
{
    seed = with;
    made = 0;
    nodes[0].ms = nodes[1].ms = nodes[2].ms = 1000000;
    nodes[1].ms += 24 * 3600 * 1000; /* clocks a day apart */
    for (unsigned i = 0; i < steps; i++) {
        unsigned a = any(NODES), b = (a + 1 + any(NODES - 1)) % NODES;
        unsigned what = any(100);
        if (what < 85)
            something_happens(a);
        else if (what < 95)
            hear_some(a, b);
        else if (what < 99)
            hear_again(a, b);
        else
            restart(a);
    }
    heal();
    if (agree(0, 1) && agree(1, 2)) {
        same_order_everywhere();
        return;
    }
    fail_msg("%s: seed %llu, %u steps: they do not agree", scheme, (unsigned long long)with,
             steps);
}

static void nodes_that_were_cut_off_agree_again(void **state)
{
    const char *rounds = getenv("NEURALCHAT_MESH_ROUNDS"),
               *one = getenv("NEURALCHAT_MESH_SEED");
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : 8;
    uint64_t first = one ? strtoull(one, NULL, 10) : 0x5eed0001;

    printf("# seeds from %llu, %u rounds\n", (unsigned long long)first, n);
    for (unsigned i = 0; i < n; i++) {
        run(first + i * 7919, 60 + 40 * ((first + i) % 8));
        if (i + 1 < n) {
            nodes_down(state);
            nodes_up(state);
        }
    }
}

int main(void)
{
    const struct CMUnitTest both[] = {
        N(nodes_that_were_cut_off_agree_again),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
