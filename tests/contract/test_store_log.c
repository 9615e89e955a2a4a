/* What every store promises: the log of events, and who hears of what. */
#include "store_words.h"

/* ---- the log ------------------------------------------------------------- */

static const char *hear(struct nc_audience_of who, uint64_t since)
{
    return ask(
        (struct nc_query){.kind = NC_Q_LOG, .since = since, .limit = 100, .audience = who});
}

static void the_log_says_what_live_would_have_said(void **state)
{
    struct nc_change m = quiet(join(HALL, BOB));

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "hi"));
    OK(say(HALL, ADA, 102, "secret"));
    OK(mark_read(DEN, BOB, 101));
    OK(mark_read(DEN, ADA, 101));
    struct nc_change ban = {.kind = NC_BAN_SET, .ban = {.room = DEN, .user = EVE}};
    ban.event = event(NC_EV_BAN_SET, NC_AUD_ADMINS, id(0), DEN);
    OK(ban);
    OK(m); /* joined without a row of its own */
    OK(say(HALL, ADA, 103, "hall"));

    struct nc_room_since bobs[] = {{DEN, member(DEN, BOB).joined_seq},
                                   {HALL, member(HALL, BOB).joined_seq}};
    struct nc_audience_of bob = {.user = BOB, .rooms = bobs, .rooms_n = 2};
    assert_string_equal(hear(bob, 0), "joined:den:bob created:hi read:den created:hall");
    assert_true(answer.q.upto == w.store->info.head && !answer.q.more);
    assert_string_equal(hear((struct nc_audience_of){.user = EVE}, 0), "");
    assert_true(answer.q.upto == w.store->info.head);
    struct nc_audience_of nobody_admin = {.user = EVE, .admin = true};
    assert_string_equal(hear(nobody_admin, 0), ""); /* those kinds have no wire name */

    struct nc_change renamed = {.kind = NC_ROOM_UPDATE,
                                .room = {.id = HALL, .name = nc_str("hall")}};
    renamed.event = event(NC_EV_ROOM_UPDATED, NC_AUD_ADMINS, id(0), HALL);
    OK(renamed);
    assert_string_equal(hear(nobody_admin, 0), "room.updated:hall");
    assert_string_equal(hear((struct nc_audience_of){.user = EVE}, 0), "");
}

static void who_is_put_out_learns_of_it(void **state)
{
    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "before"));
    OK(leave(DEN, BOB));
    OK(say(DEN, ADA, 102, "after"));
    struct nc_audience_of bob = {.user = BOB};
    assert_string_equal(hear(bob, 0), "joined:den:bob left:den:bob");
    assert_int_equal(answer.row.log.event.reason, NC_KICKED);
    assert_true(nc_id_zero(&answer.row.log.member.user)); /* gone */
}

static void everyone_hears_of_every_room_and_user(void **state)
{
    struct nc_audience_of everyone = {.everyone = true};

    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    OK(say(DEN, ADA, 101, "hi"));
    OK(say(HALL, ADA, 102, "hall"));
    OK(mark_read(DEN, BOB, 101));
    struct nc_change renamed = {.kind = NC_ROOM_UPDATE,
                                .room = {.id = HALL, .name = nc_str("hall")}};
    renamed.event = event(NC_EV_ROOM_UPDATED, NC_AUD_ADMINS, id(0), HALL);
    OK(renamed);
    assert_string_equal(hear(everyone, since), "created:hi created:hall read:den");
    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = since, .audience = everyone, .limit = 100});
    assert_int_equal(answer.q.count, 3);
}

static void replay_shows_the_present(void **state)
{
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 101);

    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    struct nc_room_since den = {DEN, 0};
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 102, "two"));
    OK(say(DEN, ADA, 103, "three"));
    edit.message.body = nc_str("1");
    OK(edit);
    OK(delete_message(DEN, 102));
    assert_string_equal(hear(ada, since),
                        "created:1 created:(deleted) created:three updated:1 "
                        "deleted:(deleted)");
    struct nc_event *e = &answer.row.log.event;
    assert_true(e->seq == since + 5 && e->origin_seq == since + 5 &&
                e->hlc == 1000ull << 12);
    assert_memory_equal(&e->origin, &w.store->info.incarnation, 16);
    OK(((struct nc_change){.kind = NC_MESSAGES_EXPIRE,
                           .message = {.room = DEN, .created_ms = 103},
                           .limit = 100}));
    assert_string_equal(hear(ada, since),
                        "created:- created:- created:three updated:- deleted:-");
}

static void every_field_of_an_event_comes_back(void **state)
{
    struct nc_change m = say(DEN, ADA, 101, "x");
    struct nc_room_since den = {DEN, 0};

    (void)state;
    m.event.actor = BOB;
    m.event.subject = EVE;
    m.event.reason = 9;
    m.event.hlc = (1ull << 59) + 1;
    OK(m);
    hear((struct nc_audience_of){.user = ADA, .rooms = &den, .rooms_n = 1}, 0);
    struct nc_event *e = &answer.row.log.event, want = m.event;
    want.seq = want.origin_seq = 1;
    want.origin = w.store->info.incarnation;
    nc_record_hash(&(struct nc_record){.kind = NC_STATE_MESSAGE, .message = m.message},
                   want.body_hash); /* by the store, whatever was there */
    assert_memory_equal(e, &want, offsetof(struct nc_event, body_hash) + 32);
    assert_memory_equal(&last.changes[0].event, &want,
                        offsetof(struct nc_event, body_hash) + 32);
}

static void the_log_comes_in_pages(void **state)
{
    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    struct nc_room_since den = {DEN, 0};
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    for (unsigned i = 0; i < 5; i++) {
        OK(say(DEN, ADA, 101 + i, "0123456789"));
        OK(say(HALL, ADA, 201 + i, "elsewhere"));
    }
    ASK("created:0123456789 created:0123456789", .kind = NC_Q_LOG, .since = since,
        .audience = ada, .limit = 2);
    assert_true(answer.q.more && answer.q.upto == since + 3);
    ASK("created:0123456789 created:0123456789", .kind = NC_Q_LOG, .since = since,
        .audience = ada, .limit = 100, .bytes_max = 11);
    assert_true(answer.q.more);
    ASK("created:0123456789 created:0123456789 created:0123456789", .kind = NC_Q_LOG,
        .since = answer.q.upto, .audience = ada, .limit = 3);
    assert_true(answer.q.more); /* the head was not reached … */
    ASK("", .kind = NC_Q_LOG, .since = answer.q.upto, .audience = ada, .limit = 3);
    assert_true(!answer.q.more && answer.q.upto == since + 10); /* … now it is */

    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = since, .audience = ada, .limit = 100});
    assert_int_equal(answer.q.count, 5);
    assert_true(answer.q.at_ms == 1000);    /* of the row at `since` */
    assert_int_equal(answer.q.at_ms, 1000); /* when the row at `since` was */
    ask((struct nc_query){.kind = NC_Q_DISTANCE, .audience = ada, .limit = 1});
    assert_int_equal(answer.q.at_ms, 0);
    ask((struct nc_query){
        .kind = NC_Q_DISTANCE, .since = since, .audience = ada, .limit = 4});
    assert_int_equal(answer.q.count, 4);
}

static void trimming_keeps_messages_and_the_newest_of_each_state(void **state)
{
    struct nc_room_since den = {DEN, 0};
    struct nc_change promoted = join(DEN, ADA);
    struct nc_audience_of ada = {.user = ADA, .rooms = &den, .rooms_n = 1};
    struct nc_change trim = {.kind = NC_TRIM, .before_ms = 1001, .limit = 1000};

    (void)state;
    OK(room(DEN, "den"));
    OK(join(DEN, ADA));
    promoted.event.kind = NC_EV_MEMBER_UPDATED;
    OK(promoted);
    OK(mark_read(DEN, ADA, 100));
    OK(say(DEN, ADA, 101, "kept"));
    struct nc_change young = mark_read(DEN, ADA, 101);
    young.event.hlc = 1001ull << 12;
    OK(young);
    OK(session(id(50), ADA, "ran out", 1)); /* expires at 1000 */
    struct nc_change s = session(id(51), ADA, "lives", 1);
    s.session.expires_ms = 1001;
    OK(s);
    trim.limit = 1;
    OK(trim);
    assert_int_equal(last.changes[0].touched, 1);
    assert_string_equal(hear(ada, 0),
                        "room.created:den member:den read:den created:kept read:den");
    trim.limit = 1000;
    OK(trim);
    assert_int_equal(last.changes[0].touched, 2);
    assert_string_equal(hear(ada, 0), "room.created:den member:den created:kept read:den");
    ASK("lives/1", .kind = NC_Q_SESSIONS, .id = ADA);
    assert_true(w.store->info.head == 6);
}

static void events_of_other_origins_keep_their_numbers(void **state)
{
    struct nc_change m = say(DEN, ADA, 101, "from afar");
    struct nc_room_since den = {DEN, 0};

    (void)state;
    OK(room(DEN, "den"));
    m.event.origin = id(77);
    m.event.origin_seq = 40;
    OK(m);
    assert_true(last.changes[0].event.seq == 2 && last.changes[0].event.origin_seq == 40);
    m.message.id = mid(102);
    m.event.ref = m.message.id;
    REFUSED(m, NC_EEXIST); /* that event is known */
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(102)});
    assert_int_equal(answer.rows, 0);
    OK(say(DEN, ADA, 103, "ours"));
    assert_true(last.changes[0].event.seq == 3 && last.changes[0].event.origin_seq == 2);
    assert_true(w.store->info.head == 3 && w.store->info.own_head == 2);
    hear((struct nc_audience_of){.user = ADA, .rooms = &den, .rooms_n = 1}, 1);
    assert_string_equal(answer.text, "created:from afar created:ours");
}

int main(void)
{
    const struct CMUnitTest both[] = {
        T(the_log_says_what_live_would_have_said),
        T(who_is_put_out_learns_of_it),
        T(everyone_hears_of_every_room_and_user),
        T(replay_shows_the_present),
        T(every_field_of_an_event_comes_back),
        T(the_log_comes_in_pages),
        T(trimming_keeps_messages_and_the_newest_of_each_state),
        T(events_of_other_origins_keep_their_numbers),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
