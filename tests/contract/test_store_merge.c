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
        bool answer; /* nobody gave it an id of their own */
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
        t->at[t->n].answer = nc_id_zero(&row->message.client_id);
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

/* The higher of two for the lower, as nodes do it that find two answers. */
static void give_one_up(unsigned node)
{
    struct nc_id r, m;
    struct nc_change c = {.kind = NC_MESSAGE_DELETE};

    if (!pick(node, NC_Q_ROOMS, id(0), &r) || !pick(node, NC_Q_HISTORY, r, &m))
        return;
    unsigned kept = any(all.n), lost = any(all.n);
    if (!all.at[kept].answer || !all.at[lost].answer ||
        nc_id_cmp(&all.at[kept].id, &all.at[lost].id) >= 0)
        return;
    c.message = (struct nc_message){.id = all.at[lost].id};
    c.event = now(node, NC_EV_MESSAGE_DELETED, r, all.at[kept].id);
    c.event.ref = all.at[lost].id;
    c.event.reason = NC_DELETED_ANOTHER;
    (void)put(c);
}

/* The seeds that are written down below are from before they could. */
static bool two_answer;

static void something_happens(unsigned node)
{
    static void (*const things[])(unsigned) = {
        register_one,  change_account, make_room,     change_room,   change_member,
        change_member, change_persona, say_something, say_something, say_something,
        say_something, alter_message,  alter_message, give_one_up,
    };

    at(node);
    things[any(NC_COUNT(things) - !two_answer)](node);
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

/* 185238: a message known by its other id before it came.  496529: an account deleted on
 * two nodes. */
static void what_once_parted_them_does_not_again(void **state)
{
    static const uint64_t seeds[] = {185238, 496529};

    two_answer = false;
    for (size_t i = 0; i < NC_COUNT(seeds); i++) {
        if (i) {
            nodes_down(state);
            nodes_up(state);
        }
        run(seeds[i], 60 + 40 * (seeds[i] % 8));
    }
}

static void nodes_that_were_cut_off_agree_again(void **state)
{
    const char *rounds = getenv("NEURALCHAT_MESH_ROUNDS"),
               *one = getenv("NEURALCHAT_MESH_SEED");
    unsigned n = rounds ? (unsigned)strtoul(rounds, NULL, 10) : 8;
    uint64_t first = one ? strtoull(one, NULL, 10) : 0x5eed0001;

    printf("# seeds from %llu, %u rounds\n", (unsigned long long)first, n);
    two_answer = true;
    for (unsigned i = 0; i < n; i++) {
        run(first + i * 7919, 60 + 40 * ((first + i) % 8));
        if (i + 1 < n) {
            nodes_down(state);
            nodes_up(state);
        }
    }
}

/* ---- the rules, one by one ----------------------------------------------- */

/* Ada and Bob in the den, on node 0, known to all. */
static void begin(void)
{
    struct nc_change ada = account(ADA, "ada"), bob = account(BOB, "bob");
    struct nc_change den = room(DEN, "den"), maker = quiet(join(DEN, ADA));

    at(0);
    OK(ada);
    OK(bob);
    den.event.actor = ADA;
    maker.member.role = NC_OWNER;
    OK(maker);
    OK(den);
    OK(join(DEN, BOB));
    heal();
    at(0);
}

/* The newest event of a node, to another one. */
static struct letter newest_of(unsigned node)
{
    struct post p = listen(node, origin_of(node), nodes[node].store->info.own_head - 1, 1);
    struct letter l = p.at[0];

    assert_int_equal(p.n, 1);
    free(p.at); /* the bytes are the letter's now */
    return l;
}

static void an_event_keeps_what_its_origin_gave_it(void **state)
{
    struct nc_change m = say(DEN, BOB, 101, "from afar");

    (void)state;
    begin();
    OK(m);
    struct nc_event sent = last.changes[0].event;
    at(1);
    OK(say(DEN, ADA, 100, "ours"));
    assert_int_equal(pull(1, 0), 1);
    at(1);
    struct nc_event *e = &last.changes[0].event;
    assert_true(e->seq == w.store->info.head && e->origin_seq == sent.origin_seq);
    assert_true(nc_id_eq(&e->origin, &sent.origin) && e->hlc == sent.hlc);
    assert_memory_equal(e->body_hash, sent.body_hash, sizeof(sent.body_hash));
    assert_true(merged.applied && merged.inserted && !merged.late);
    ASK("ours from afar", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    assert_int_equal(member(DEN, ADA).role, NC_OWNER); /* who made it, without an event */
    assert_true(w.store->info.own_head == 1);
}

static void what_is_known_missing_or_wrong_is_refused(void **state)
{
    struct nc_event e;

    (void)state;
    begin();
    OK(say(DEN, BOB, 101, "one"));
    struct letter one = newest_of(0);
    OK(say(DEN, BOB, 102, "two"));
    struct letter two = newest_of(0);
    at(1);
    uint64_t head = w.store->info.head;
    assert_int_equal(deliver(1, &two), NC_AGAIN); /* the one before is not here */
    e = one.event;
    one.event.body_hash[5] ^= 1;
    assert_int_equal(deliver(1, &one), NC_EINVAL); /* not what was announced */
    one.event = e;
    one.event.ref = mid(999);
    assert_int_equal(deliver(1, &one), NC_EINVAL); /* of something else */
    one.event = e;
    one.event.kind = NC_EV_NONE;
    assert_int_equal(deliver(1, &one), NC_EINVAL);
    one.event = e;
    one.event.origin = origin_of(1);
    one.event.origin_seq = 1;
    assert_int_equal(deliver(1, &one), NC_EINVAL); /* ours, which we never said */
    one.event = e;
    assert_true(w.store->info.head == head);
    assert_int_equal(deliver(1, &one), NC_OK);
    assert_int_equal(deliver(1, &one), NC_EEXIST);
    assert_int_equal(deliver(1, &two), NC_OK);
    assert_true(w.store->info.head == head + 2);
    nc_buf_fini(&one.record);
    nc_buf_fini(&two.record);
}

static void what_refers_to_something_unknown_waits(void **state)
{
    (void)state;
    begin();
    at(0);
    OK(account(EVE, "eve"));
    pull(1, 0);
    at(1);
    OK(join(DEN, EVE)); /* node 2 knows no Eve yet */
    struct letter l = newest_of(1);
    at(2);
    uint64_t head = w.store->info.head;
    assert_int_equal(deliver(2, &l), NC_ENOENT);
    assert_true(w.store->info.head == head);
    pull(2, 0);
    assert_int_equal(deliver(2, &l), NC_OK);
    at(2);
    assert_int_equal(member(DEN, EVE).role, NC_MEMBER);
    nc_buf_fini(&l.record);
}

static struct nc_change edited(uint64_t ms, const char *text, uint64_t when)
{
    struct nc_change c = change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, ms);

    c.message.body = nc_str(text);
    c.event.hlc = when << 12;
    return c;
}

static void the_last_writer_wins(void **state)
{
    (void)state;
    begin();
    at(0);
    OK(say(DEN, BOB, 101, "said"));
    heal();
    at(0);
    OK(edited(101, "early", 2000));
    at(1);
    OK(edited(101, "later", 3000));
    heal();
    at(0);
    ASK("later", .kind = NC_Q_MESSAGE, .id = mid(101));
    /* Its clock is behind, but it has seen what it changes. */
    OK(edited(101, "last", 1500));
    assert_true(last.changes[0].event.hlc > 3000ull << 12);
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ASK("last", .kind = NC_Q_MESSAGE, .id = mid(101));
    }
}

static void a_deleted_message_stays_deleted(void **state)
{
    struct nc_change gone = delete_message(DEN, 101);

    (void)state;
    begin();
    at(0);
    OK(say(DEN, BOB, 101, "said"));
    pull(1, 0);
    at(0);
    gone.event.hlc = 2000ull << 12;
    OK(gone);
    at(1);
    OK(edited(101, "much later", 9000));
    struct letter edit = newest_of(1); /* comes before what it edits */
    assert_int_equal(deliver(2, &edit), NC_OK);
    nc_buf_fini(&edit.record);
    assert_true(merged.inserted);
    at(2);
    ASK("much later", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)});
        assert_true(answer.rows == 0 || strcmp(answer.text, "(deleted)") == 0);
    }
    assert_true(agree(0, 1) && agree(1, 2));
}

static void what_comes_late_is_unread(void **state)
{
    (void)state;
    begin();
    at(1);
    OK(say(DEN, BOB, 101, "cut off"));
    at(0);
    OK(say(DEN, BOB, 105, "newest"));
    OK(mark_read(DEN, ADA, 105));
    assert_string_equal(unread(member(DEN, ADA)), "0/0:newest");
    assert_int_equal(pull(0, 1), 1);
    assert_true(merged.late);
    at(0);
    assert_string_equal(unread(member(DEN, ADA)), "1/0:newest");
    ASK("cut off newest", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    assert_true(answer.rows == 2);
}

static void one_message_sent_to_two_nodes_is_one(void **state)
{
    struct nc_change a = say(DEN, BOB, 101, "once"), b = say(DEN, BOB, 102, "once");

    (void)state;
    begin();
    a.message.client_id = b.message.client_id = id(70);
    at(0);
    OK(b);
    at(1);
    OK(a);
    assert_int_equal(pull(0, 1), 1); /* what is here gives way */
    struct nc_id lower = mid(101), higher = mid(102);
    assert_true(nc_id_eq(&merged.kept, &lower) && nc_id_eq(&merged.lost, &higher));
    assert_true(merged.inserted);
    assert_int_equal(merged.also[0].kind, NC_EV_MESSAGE_DELETED);
    assert_int_equal(merged.also[0].reason, NC_DELETED_DUPLICATE);
    at(0);
    assert_true(merged.also[0].seq == w.store->info.head &&
                nc_id_eq(&merged.also[0].ref, &higher) &&
                nc_id_eq(&merged.also[0].subject, &lower));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ASK("once", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
        ASK("once", .kind = NC_Q_MESSAGE, .id = mid(102));
        assert_true(nc_id_eq(&answer.row.message.id, &lower));
        ASK("once", .kind = NC_Q_BY_CLIENT, .user = BOB, .id = id(70));
        ask((struct nc_query){.kind = NC_Q_STATS});
        assert_int_equal(answer.row.stats.messages, 1);
    }
    /* Also where only the other one is known, a delete is one of both. */
    at(2);
    OK(delete_message(DEN, 101));
    heal();
    assert_true(agree(0, 1) && agree(1, 2));
    at(0);
    ASK("(deleted)", .kind = NC_Q_MESSAGE, .id = mid(102));
}

static const char *name_of(struct nc_id user)
{
    static char name[40];

    ask((struct nc_query){.kind = NC_Q_PASSWORD, .id = user});
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(answer.text, "+("), answer.text);
    return name;
}

static void the_first_to_take_a_name_keeps_it(void **state)
{
    struct nc_change first = account(id(30), "anna"), later = account(id(31), "anna"),
                     third = account(id(32), "anna-2");

    (void)state;
    begin();
    first.event.hlc = 2000ull << 12;
    later.event.hlc = 3000ull << 12;
    third.event.hlc = 4000ull << 12;
    at(1);
    OK(later);
    OK(session(id(50), id(31), "phone", 10));
    at(2);
    OK(third);
    pull(1, 2); /* nothing is wrong yet */
    at(1);
    assert_string_equal(name_of(id(32)), "anna-2");
    ASK("", .kind = NC_Q_RENAMED);
    at(0);
    OK(first);
    assert_int_equal(pull(1, 0), 1);
    /* Anna becomes Anna 2, and who was Anna 2 had the name later. */
    assert_int_equal(merged.renamed_n, 2);
    at(1);
    assert_string_equal(name_of(id(30)), "anna");
    assert_string_equal(name_of(id(31)), "anna-2");
    assert_string_equal(name_of(id(32)), "anna-2-2");
    ASK("", .kind = NC_Q_SESSIONS, .id = id(31));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        assert_string_equal(name_of(id(31)), "anna-2");
        assert_string_equal(name_of(id(32)), "anna-2-2");
        ASK("31=anna 32=anna-2", .kind = NC_Q_RENAMED);
    }
    assert_true(agree(0, 1) && agree(1, 2));
    struct nc_change gone = {.kind = NC_ACCOUNT_DELETE, .account = {.id = id(32)}};
    gone.event = event(NC_EV_ACCOUNT_DELETED, NC_AUD_ADMINS, id(0), id(0));
    gone.event.subject = id(32);
    OK(gone);
    ASK("31=anna", .kind = NC_Q_RENAMED);
}

/* An account that every node makes for itself: one id, one stamp, the earliest. */
static void what_every_node_makes_is_one(void **state)
{
    struct nc_change olga = account(id(30), "olga"),
                     renamed = {.kind = NC_ACCOUNT_UPDATE,
                                .account = {.id = id(30),
                                            .display_name = nc_str("Olga of the node")}};

    (void)state;
    olga.event.hlc = 1;
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        OK(olga);
    }
    renamed.event = event(NC_EV_ACCOUNT_UPDATED, NC_AUD_ADMINS, id(0), id(0));
    renamed.event.subject = id(30);
    renamed.event.hlc = 2000ull << 12;
    at(1);
    OK(renamed);
    heal();
    assert_int_equal(merged.renamed_n, 0);
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        assert_string_equal(name_of(id(30)), "olga");
        assert_int_equal(answer.rows, 1);
    }
    assert_true(agree(0, 1) && agree(1, 2));
}

static void a_deleted_account_goes_on_holding_its_name(void **state)
{
    struct nc_change first = account(id(30), "anna"), later = account(id(31), "anna");
    struct nc_change gone = {.kind = NC_ACCOUNT_DELETE, .account = {.id = id(30)}};

    (void)state;
    begin();
    later.event.hlc = 3000ull << 12;
    gone.event = event(NC_EV_ACCOUNT_DELETED, NC_AUD_ADMINS, id(0), id(0));
    gone.event.subject = id(30);
    at(0);
    OK(first);
    OK(gone);
    at(1);
    OK(later);
    heal(); /* the first one's name is nowhere any more */
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        assert_string_equal(name_of(id(31)), "anna-2");
        REFUSED(account(id(33), "anna"), NC_EEXIST);
    }
    assert_true(agree(0, 1) && agree(1, 2));
}

static void a_session_that_ended_elsewhere_has_ended(void **state)
{
    struct nc_change end = {.kind = NC_SESSION_END,
                            .session = {.id = id(50), .user = BOB, .ended_ms = 5}};

    (void)state;
    begin();
    at(0);
    OK(session(id(50), BOB, "phone", 10));
    end.event = event(NC_EV_SESSION_ENDED, NC_AUD_USER, BOB, id(50));
    end.event.subject = BOB;
    OK(end);
    heal();
    at(1);
    ask((struct nc_query){.kind = NC_Q_ENDED, .after_ms = 1});
    assert_int_equal(answer.rows, 1);
    assert_true(nc_id_eq(&answer.row.session.id, &end.session.id) &&
                nc_id_eq(&answer.row.session.user, &end.session.user));
}

static void what_was_trimmed_is_passed_over(void **state)
{
    struct nc_change promoted = join(DEN, BOB);
    struct nc_change trim = {.kind = NC_TRIM, .before_ms = 1001, .limit = 100};

    (void)state;
    at(0);
    OK(account(ADA, "ada"));
    OK(account(BOB, "bob"));
    OK(room(DEN, "den"));
    OK(join(DEN, BOB));
    promoted.event.kind = NC_EV_MEMBER_UPDATED;
    promoted.member.role = NC_MODERATOR;
    OK(promoted);
    OK(trim);
    assert_int_equal(last.changes[0].touched, 1); /* the join is no news */
    struct nc_id origin = origin_of(0);
    assert_int_equal(pull_page(1, 0, origin, 3), 3);
    struct nc_change skip = {.kind = NC_ORIGIN_SKIP,
                             .segment = {origin, .first = 5, .n = 1}};
    at(1);
    REFUSED(skip, NC_AGAIN);
    skip.segment.first = 3;
    REFUSED(skip, NC_EEXIST);
    skip.segment.first = 4;
    OK(skip);
    REFUSED(skip, NC_EEXIST);
    skip.segment.origin = origin_of(1);
    REFUSED(skip, NC_EINVAL);
    assert_int_equal(pull(1, 0), 1);
    assert_true(agree(0, 1));

    struct nc_change segment = {.kind = NC_SEGMENT_SET,
                                .segment = {.origin = origin,
                                            .first = 1,
                                            .n = 4,
                                            .hashes = nc_str("hashes"),
                                            .chain = nc_str("chain"),
                                            .signature = nc_str("signature")}};
    at(1);
    OK(segment);
    segment.segment.first = 5;
    segment.segment.n = 1;
    OK(segment);
    ask((struct nc_query){.kind = NC_Q_SEGMENTS, .id = origin, .since = 3, .limit = 9});
    assert_int_equal(answer.rows, 2);
    ask((struct nc_query){.kind = NC_Q_SEGMENTS, .id = origin, .since = 4, .limit = 9});
    assert_int_equal(answer.rows, 1);
    assert_true(answer.row.segment.first == 5 && answer.row.segment.n == 1);
    assert_true(nc_id_eq(&answer.row.segment.origin, &origin));
    segment.segment.origin = id(99);
    REFUSED(segment, NC_ENOENT);
}

/* All of a commit or nothing, unless it says that a part will do. */
static void what_comes_before_a_refused_one_stays_where_that_was_asked_for(void **state)
{
    struct nc_change first = {.kind = NC_ORIGIN_SKIP,
                              .segment = {id(77), .first = 1, .n = 3}};
    struct nc_change gap = {.kind = NC_ORIGIN_SKIP,
                            .segment = {id(77), .first = 5, .n = 1}};
    struct vector v;

    (void)state;
    at(1);
    assert_int_equal(put2(first, gap), NC_AGAIN);
    assert_int_equal(last.c.failed, 1);
    assert_int_equal(last.c.applied, 0);
    v = vector_of(1);
    assert_true(has(&v, id(77)) == 0);

    last = (struct done){.changes = {first, gap}, .c = {.n = 2, .partly = true}};
    submit(&last);
    nc_loop_run(w.loop);
    assert_int_equal(last.e, NC_AGAIN);
    assert_int_equal(last.c.failed, 1);
    assert_int_equal(last.c.applied, 1);
    v = vector_of(1);
    assert_true(has(&v, id(77)) == 3);
    REFUSED(first, NC_EEXIST);
    restart(1);
    at(1);
    gap.segment.first = 4;
    OK(gap);
    assert_int_equal(last.c.applied, 1);
}

/* What is asked of them again and again is remembered, until it is another. */
static void rooms_that_go_and_come_back_are_what_they_are(void **state)
{
    struct nc_change gone = {.kind = NC_ROOM_DELETE,
                             .room = {.id = DEN, .deleted_ms = 2000}};

    (void)state;
    begin();
    at(0);
    OK(say(DEN, BOB, 101, "one"));
    heal();
    at(1);
    gone.event = event(NC_EV_ROOM_DELETED, NC_AUD_ROOM, DEN, DEN);
    OK(gone);
    at(0);
    OK(say(DEN, BOB, 102, "two"));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)});
        assert_int_equal(answer.rows, 1);
    }
    at(1); /* it was said in a room that was gone already */
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(102)});
    assert_int_equal(answer.rows, 0);
    assert_true(agree(0, 1) && agree(1, 2));
}

/* Others have our events up to some number, and something else behind it. */
static void a_log_that_was_set_back_goes_on_under_another_name(void **state)
{
    (void)state;
    begin();
    OK(say(DEN, ADA, 100, "known"));
    heal();
    at(0);
    struct nc_id old = origin_of(0);
    uint64_t known = w.store->info.own_head;
    struct nc_change renew = {.kind = NC_ORIGIN_RENEW,
                              .segment = {.origin = old, .first = known + 1}};
    OK(say(DEN, ADA, 101, "unknown"));
    OK(say(DEN, BOB, 102, "to all"));
    struct nc_change part = join(DEN, BOB);
    part.event.kind = NC_EV_MEMBER_UPDATED;
    part.event.hlc++; /* no node has one stamp twice */
    part.member.role = NC_MODERATOR;
    OK(part);
    renew.segment.first = known + 5;
    REFUSED(renew, NC_EINVAL);
    renew.segment.first = known + 1;
    OK(renew);
    assert_false(nc_id_eq(&w.store->info.incarnation, &old));
    assert_true(w.store->info.own_head == 3);
    REFUSED(renew, NC_EINVAL); /* of that name no more */
    struct vector v = vector_of(0);
    assert_true(has(&v, old) == known && has(&v, origin_of(0)) == 3);
    OK(say(DEN, ADA, 103, "more"));
    assert_true(last.changes[0].event.origin_seq == 4);
    heal();
    assert_true(agree(0, 1) && agree(0, 2));
    at(1);
    assert_int_equal(member(DEN, BOB).role, NC_MODERATOR);
    ASK("known unknown to all more", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    /* What it had said before, and has forgotten, comes back to it. */
    struct nc_change forgotten = say(DEN, ADA, 104, "forgotten");
    struct letter l = newest_of(0);
    l.event.origin = old;
    l.event.origin_seq = known + 1;
    l.has = false;
    nc_buf_clear(&l.record);
    l.event.ref = forgotten.message.id;
    assert_int_equal(deliver(0, &l), NC_OK);
    nc_buf_fini(&l.record);
    nodes[0].store->ops->close(nodes[0].store);
    if (strcmp(scheme, "mem") != 0) {
        struct nc_id now = origin_of(1);
        open_node(0);
        assert_false(nc_id_eq(&nodes[0].store->info.incarnation, &now));
        assert_true(nodes[0].store->info.own_head == 4);
        assert_true(agree(0, 1));
    } else {
        open_node(0);
    }
    at(0);
}

/* ---- alternatives -------------------------------------------------------- */

static void all_agree(void)
{
    for (unsigned i = 1; i < NODES; i++)
        assert_true(agree(0, i));
}

static struct nc_change answered(uint64_t ms, const char *body)
{
    struct nc_change c = complete(DEN, ms, body);

    c.message.ai = nc_str("{\"model\":\"m\"}");
    return c;
}

static void answer_at(unsigned node, uint64_t ms, const char *body)
{
    struct nc_change born = say(DEN, BOB, ms, "");

    born.message.state = NC_STREAMING;
    born.message.ai = nc_str("{}");
    at(node);
    OK(born);
    OK(answered(ms, body));
}

static void begin_anew(unsigned node, uint64_t ms, const char *old, uint32_t chosen)
{
    struct nc_change c = change_message(NC_MESSAGE_RESTART, NC_EV_MESSAGE_UPDATED, DEN, ms);

    c.message.state = NC_COMPLETE;
    c.message.body = nc_str(old);
    c.message.ai = nc_str("{\"model\":\"m\"}");
    c.message.chosen = chosen;
    at(node);
    OK(c);
}

#define ALTERNATIVES(node, ms, expected) \
    (at(node), ASK(expected, .kind = NC_Q_ALTERNATIVES, .id = mid(ms)))

static void an_answer_made_anew_elsewhere_stays_beside_the_old_one(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "one");
    heal();
    begin_anew(0, 101, "one", 0);
    heal(); /* node 1 sees it stream */
    ALTERNATIVES(1, 101, "0/0:one 1/1:");
    at(0);
    OK(answered(101, "two"));
    heal();
    ALTERNATIVES(1, 101, "0/0:one 1/0:two");
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)});
    assert_true(answer.row.message.alternatives == 2 && answer.row.message.chosen == 1);
    begin_anew(0, 101, "two", 1);
    OK(answered(101, "three"));
    heal(); /* it hears of the end alone */
    ALTERNATIVES(1, 101, "0/0:one 1/0:two 2/0:three");
    all_agree();
}

/* An earlier one that is gone, with its alternatives, is not looked at. */
static void an_alternative_is_chosen_on_all_nodes(void **state)
{
    struct nc_change c = change_message(NC_MESSAGE_CHOOSE, NC_EV_MESSAGE_UPDATED, DEN, 101);

    (void)state;
    begin();
    for (uint64_t ms = 90; ms <= 101; ms += 11) {
        answer_at(0, ms, "one");
        heal();
        begin_anew(0, ms, "one", 0);
        OK(answered(ms, "two"));
    }
    heal();
    at(2);
    OK(delete_message(DEN, 90));
    heal();
    ALTERNATIVES(1, 90, "");
    c.message.body = nc_str("one");
    c.message.ai = nc_str("{\"model\":\"m\"}");
    at(1);
    OK(c);
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        ALTERNATIVES(i, 101, "0/0:one 1/0:two");
        ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)});
        assert_true(answer.row.message.chosen == 0);
    }
    all_agree();
}

static struct nc_change given_up(uint64_t ms, uint64_t for_ms)
{
    struct nc_change c = delete_message(DEN, ms);

    c.event.reason = NC_DELETED_ANOTHER;
    c.event.subject = mid(for_ms);
    return c;
}

/* One of the two is shown, whatever is asked; both ids are its own. */
static void one_answer(unsigned node, uint64_t kept, uint64_t lost, const char *text)
{
    ALTERNATIVES(node, lost, "");
    ASK(text, .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    ASK(text, .kind = NC_Q_HISTORY, .room = DEN, .around = mid(lost), .limit = 9);
    ASK(text, .kind = NC_Q_OF_USER, .user = BOB, .limit = 9);
    ASK(text, .kind = NC_Q_MESSAGE, .id = mid(lost));
    struct nc_id root = mid(kept);
    assert_memory_equal(&answer.row.message.id, &root, sizeof(root));
}

static void of_two_answers_the_one_that_goes_is_an_alternative_of_the_other(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "mine");
    answer_at(1, 102, "yours");
    heal();
    at(1);
    OK(given_up(102, 101));
    one_answer(1, 101, 102, "mine");
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        ALTERNATIVES(i, 101, "0/0:mine 1/0:yours");
        one_answer(i, 101, 102, "mine");
        assert_int_equal(answer.row.message.alternatives, 2);
        ask((struct nc_query){.kind = NC_Q_STATS});
        assert_int_equal(answer.row.stats.messages, 1);
    }
    all_agree();
}

/* Each of the later two gave way to the best that its node knew of. */
static void of_three_answers_one_is_shown_whatever_was_heard_first(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "one");
    answer_at(1, 102, "two");
    answer_at(2, 103, "three");
    pull(2, 1);
    pull(1, 0);
    at(2);
    OK(given_up(103, 102));
    at(1);
    OK(given_up(102, 101));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        one_answer(i, 101, 102, "one");
        one_answer(i, 101, 103, "one");
    }
    all_agree();
}

/* What one took in goes on with it, where it is known what it is given up for. */
static void an_answer_that_gives_way_takes_along_what_gave_way_to_it(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "one");
    answer_at(1, 102, "two");
    answer_at(2, 103, "three");
    pull(2, 1);
    pull(2, 0);
    pull(1, 0);
    at(2);
    OK(given_up(103, 102));
    ALTERNATIVES(2, 102, "0/0:two 1/0:three");
    at(1);
    OK(given_up(102, 101));
    heal();
    ALTERNATIVES(2, 101, "0/0:one 1/0:two 2/0:three");
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(101)});
    assert_true(answer.row.message.alternatives == 3 && answer.row.message.chosen == 0);
    ALTERNATIVES(2, 102, "");
    all_agree();
}

/* Somebody deleted it where nobody knew yet that it had been given up: not the other. */
static void an_answer_that_is_deleted_and_given_up_leaves_the_other_alone(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "mine");
    answer_at(1, 102, "yours");
    heal();
    at(2);
    OK(delete_message(DEN, 102));
    at(1);
    OK(given_up(102, 101));
    heal();
    for (unsigned i = 0; i < NODES; i++)
        one_answer(i, 101, 102, "mine");
    at(0);
    OK(delete_message(DEN, 101));
    heal();
    for (unsigned i = 0; i < NODES; i++)
        one_answer(i, 101, 102, "(deleted)");
    all_agree();
}

/* The two logs came in this order. */
static void an_answer_may_be_given_up_for_one_that_is_still_on_its_way(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "mine");
    answer_at(1, 102, "yours");
    pull(1, 0);
    at(1);
    OK(given_up(102, 101));
    pull_page(2, 1, origin_of(1), 50);
    at(2);
    ASK("", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    heal();
    for (unsigned i = 0; i < NODES; i++)
        one_answer(i, 101, 102, "mine");
    all_agree();
}

/* Which no honest nodes do. */
static void two_answers_that_were_given_up_for_each_other_are_both_gone(void **state)
{
    (void)state;
    begin();
    answer_at(0, 101, "mine");
    answer_at(1, 102, "yours");
    heal();
    at(0);
    OK(given_up(101, 102));
    at(1);
    OK(given_up(102, 101));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ASK("(deleted)", .kind = NC_Q_MESSAGE, .id = mid(101));
        ASK("(deleted)", .kind = NC_Q_MESSAGE, .id = mid(102));
    }
    all_agree();
}

/* Its node was cut off for so long that others thought it was gone. */
static void an_answer_that_was_thought_lost_is_whole_in_the_end(void **state)
{
    struct nc_change born = say(DEN, BOB, 101, ""), lost = answered(101, "");

    (void)state;
    begin();
    born.message.state = NC_STREAMING;
    at(0);
    OK(born);
    heal();
    lost.message.state = NC_FAILED;
    lost.event.hlc = 1; /* as early as may be */
    at(1);
    OK(lost);
    at(0);
    OK(answered(101, "whole"));
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        at(i);
        ASK("whole", .kind = NC_Q_MESSAGE, .id = mid(101));
        assert_int_equal(answer.row.message.state, NC_COMPLETE);
        ALTERNATIVES(i, 101, "");
    }
    all_agree();
}

static void what_streams_elsewhere_is_not_ours_to_end(void **state)
{
    struct nc_change answering = say(DEN, BOB, 101, "");

    (void)state;
    begin();
    answering.message.state = NC_STREAMING;
    at(0);
    OK(answering);
    heal();
    at(1);
    ask((struct nc_query){.kind = NC_Q_STREAMING});
    assert_int_equal(answer.rows, 0);
    at(0);
    ask((struct nc_query){.kind = NC_Q_STREAMING});
    assert_int_equal(answer.rows, 1);
    OK(complete(DEN, 101, "the answer"));
    heal();
    at(1);
    ASK("the answer", .kind = NC_Q_MESSAGE, .id = mid(101));
    assert_int_equal(answer.row.message.state, NC_COMPLETE);
}

int main(void)
{
    const struct CMUnitTest both[] = {
        N(an_event_keeps_what_its_origin_gave_it),
        N(what_is_known_missing_or_wrong_is_refused),
        N(what_refers_to_something_unknown_waits),
        N(the_last_writer_wins),
        N(a_deleted_message_stays_deleted),
        N(what_comes_late_is_unread),
        N(one_message_sent_to_two_nodes_is_one),
        N(the_first_to_take_a_name_keeps_it),
        N(what_every_node_makes_is_one),
        N(a_deleted_account_goes_on_holding_its_name),
        N(a_session_that_ended_elsewhere_has_ended),
        N(what_was_trimmed_is_passed_over),
        N(what_comes_before_a_refused_one_stays_where_that_was_asked_for),
        N(rooms_that_go_and_come_back_are_what_they_are),
        N(a_log_that_was_set_back_goes_on_under_another_name),
        N(what_streams_elsewhere_is_not_ours_to_end),
        N(an_answer_made_anew_elsewhere_stays_beside_the_old_one),
        N(an_alternative_is_chosen_on_all_nodes),
        N(of_two_answers_the_one_that_goes_is_an_alternative_of_the_other),
        N(of_three_answers_one_is_shown_whatever_was_heard_first),
        N(an_answer_that_gives_way_takes_along_what_gave_way_to_it),
        N(an_answer_that_is_deleted_and_given_up_leaves_the_other_alone),
        N(an_answer_may_be_given_up_for_one_that_is_still_on_its_way),
        N(two_answers_that_were_given_up_for_each_other_are_both_gone),
        N(an_answer_that_was_thought_lost_is_whole_in_the_end),
        N(what_once_parted_them_does_not_again),
        N(nodes_that_were_cut_off_agree_again),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
