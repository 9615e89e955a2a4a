/* What every store promises: messages, history, what is unread. */
#include "store_words.h"

/* ---- messages ------------------------------------------------------------ */

static void every_field_of_a_message_comes_back(void **state)
{
    struct nc_change c = say(DEN, ADA, 100, "");

    (void)state;
    OK(account(ADA, "ada"));
    c.message.body = NC_STR("a\0b");
    c.message.client_id = id(300);
    c.message.reply_to = mid(99);
    c.message.kind = NC_ACTION;
    c.message.late = true;
    c.message.content_type = nc_str("text/x");
    c.message.mentions = nc_str("bob eve");
    c.message.ai = nc_str("{}");
    c.message.edited_ms = 8;
    OK(c);
    assert_true(last.changes[0].message.seq == 2);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    const struct nc_message *m = &answer.row.message;
    assert_int_equal(answer.rows, 1);
    assert_memory_equal(&m->id, &c.message.id, 16);
    assert_memory_equal(&m->room, &c.message.room, 16);
    assert_memory_equal(&m->sender, &c.message.sender, 16);
    assert_memory_equal(&m->client_id, &c.message.client_id, 16);
    assert_memory_equal(&m->reply_to, &c.message.reply_to, 16);
    assert_int_equal(m->kind, NC_ACTION);
    assert_int_equal(m->state, NC_COMPLETE);
    assert_true(m->late && !m->deleted);
    assert_int_equal(m->body.n, 3);
    assert_true(m->content_type.n == 6 && m->mentions.n == 7 && m->ai.n == 2);
    assert_true(m->created_ms == 100 && m->edited_ms == 8 && m->seq == 2);
    assert_true(m->sender_name.n == 3 && m->sender_display.n == 8);
    assert_int_equal(m->sender_kind, NC_PERSON);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(5)});
    assert_int_equal(answer.rows, 0);
}

static void a_client_id_works_once(void **state)
{
    struct nc_change a = say(DEN, ADA, 100, "first"), b = say(DEN, ADA, 101, "again");

    (void)state;
    a.message.client_id = b.message.client_id = id(300);
    OK(a);
    REFUSED(b, NC_EEXIST);
    assert_memory_equal(&last.c.existing, &a.message.id, 16);
    assert_string_equal(last.notice, "");
    assert_true(last.changes[0].event.seq == 0);
    b.message.sender = BOB; /* another sender's ids are their own */
    OK(b);
    assert_true(last.changes[0].event.seq == 2);
    ASK("first", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
    ASK("again", .kind = NC_Q_BY_CLIENT, .user = BOB, .id = id(300));
    ASK("", .kind = NC_Q_BY_CLIENT, .user = EVE, .id = id(300));
    OK(delete_message(DEN, 100));
    REFUSED(a, NC_EEXIST); /* also when deleted since */
    a.message.client_id = id(301);
    REFUSED(a, NC_EEXIST); /* the message id itself is known */
    assert_memory_equal(&last.c.existing, &a.message.id, 16);
    ASK("", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(301)); /* and left no trace */
}

static void a_command_is_remembered_with_its_answer(void **state)
{
    struct nc_change run = {.kind = NC_COMMAND_RUN,
                            .message = {.sender = ADA,
                                        .client_id = id(300),
                                        .body = nc_str("You are alone."),
                                        .created_ms = nc_wall_ms()}};
    struct nc_change m = say(DEN, ADA, 100, "text");
    struct nc_change old = run;

    (void)state;
    OK(run);
    REFUSED(run, NC_EEXIST);
    assert_true(nc_id_zero(&last.c.existing));
    assert_string_equal(last.notice, "You are alone.");
    m.message.client_id = id(300);
    REFUSED(m, NC_EEXIST);
    assert_string_equal(last.notice, "You are alone.");
    ASK("notice:You are alone.", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
    m.message.client_id = id(301);
    OK(m);
    run.message.client_id = id(301);
    REFUSED(run, NC_EEXIST);
    assert_memory_equal(&last.c.existing, &m.message.id, 16);
    old.message.client_id = id(302);
    old.message.created_ms = nc_wall_ms() - 25 * 3600 * 1000;
    OK(old);
    OK(((struct nc_change){.kind = NC_TRIM, .limit = 100}));
    assert_int_equal(last.changes[0].touched, 1);
    ASK("", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(302));
    ASK("notice:You are alone.", .kind = NC_Q_BY_CLIENT, .user = ADA, .id = id(300));
}

static void editing_and_deleting(void **state)
{
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 100);

    (void)state;
    OK(say(DEN, ADA, 100, "teh"));
    edit.message.body = nc_str("the");
    edit.message.mentions = nc_str("bob");
    edit.message.edited_ms = 44;
    OK(edit);
    ASK("the", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_true(answer.row.message.edited_ms == 44 && answer.row.message.mentions.n == 3);
    OK(delete_message(DEN, 100));
    REFUSED(delete_message(DEN, 100), NC_ENOENT);
    REFUSED(edit, NC_ENOENT);
    REFUSED(delete_message(DEN, 999), NC_ENOENT);
    ASK("(deleted)", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_true(answer.row.message.body.n == 0 && answer.row.message.mentions.n == 0);
    ASK("(deleted)", .kind = NC_Q_HISTORY, .room = DEN, .limit = 5);
}

static void a_generated_answer_grows_and_completes(void **state)
{
    struct nc_change born = say(DEN, BOB, 100, "");
    struct nc_change part = change_message(NC_MESSAGE_CHECKPOINT, NC_EV_NONE, DEN, 100);
    struct nc_change end = complete(DEN, 100, "One two three.");

    (void)state;
    born.message.state = NC_STREAMING;
    OK(born);
    part.message.body = nc_str("One");
    OK(part);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("One", .kind = NC_Q_STREAMING);
    end.message.state = NC_FAILED;
    end.message.ai = nc_str("{\"model\":\"m\"}");
    OK(end);
    ASK("", .kind = NC_Q_STREAMING);
    OK(part); /* too late: nothing */
    assert_int_equal(last.changes[0].touched, 0);
    ASK("One two three.", .kind = NC_Q_MESSAGE, .id = mid(100));
    assert_int_equal(answer.row.message.state, NC_FAILED);
    end.message.state = NC_COMPLETE; /* a later one still wins */
    OK(end);
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    assert_int_equal(answer.row.message.state, NC_COMPLETE);
    assert_int_equal(answer.row.message.ai.n, 13);
    OK(delete_message(DEN, 100));
    REFUSED(end, NC_ENOENT);
    OK(part);
}

static void expiry_erases_the_oldest_by_id(void **state)
{
    struct nc_change expire = {.kind = NC_MESSAGES_EXPIRE,
                               .message = {.room = DEN, .created_ms = 103},
                               .limit = 2};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        char body[2] = {(char)('a' + i), 0};
        OK(say(DEN, ADA, 100 + i, body));
    }
    OK(say(HALL, ADA, 99, "z"));
    ask((struct nc_query){
        .kind = NC_Q_EXPIRED, .room = DEN, .before_ms = 103, .limit = 100});
    assert_int_equal(answer.q.count, 3);
    ask((struct nc_query){.kind = NC_Q_EXPIRED, .room = DEN, .before_ms = 103, .limit = 2});
    assert_int_equal(answer.q.count, 2);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 2);
    ASK("c d e", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 1);
    ASK("d e", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    OK(expire);
    assert_int_equal(last.changes[0].touched, 0);
    ASK("z", .kind = NC_Q_HISTORY, .room = HALL, .limit = 9);
    ASK("3/6/0/0", .kind = NC_Q_STATS);
}

/* ---- history ------------------------------------------------------------- */

static void history_pages_in_all_directions(void **state)
{
    (void)state;
    people_and_rooms();
    for (unsigned i = 0; i < 9; i++) {
        char body[2] = {(char)('1' + i), 0};
        OK(say(DEN, ADA, 101 + i, body));
        OK(say(HALL, ADA, 201 + i, "other"));
    }
    const struct nc_id den = DEN;
#define HISTORY(expected, has_more, ...)                               \
    do {                                                               \
        ASK(expected, .kind = NC_Q_HISTORY, .room = den, __VA_ARGS__); \
        assert_int_equal(answer.q.more, has_more);                     \
    } while (0)
    HISTORY("7 8 9", true, .limit = 3);
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 9);
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 200);
    HISTORY("4 5 6", true, .limit = 3, .before = mid(107));
    HISTORY("1 2 3", false, .limit = 3, .before = mid(104));
    HISTORY("1", false, .limit = 3, .before = mid(102));
    HISTORY("", false, .limit = 3, .before = mid(101));
    HISTORY("7 8 9", true, .limit = 3, .before = mid(900)); /* an id that isn't there */
    HISTORY("1 2 3", true, .limit = 3, .after = mid(5));
    HISTORY("8 9", false, .limit = 3, .after = mid(107));
    HISTORY("7 8 9", false, .limit = 3, .after = mid(106));
    HISTORY("", false, .limit = 3, .after = mid(109));
    HISTORY("3 4 5 6", true, .limit = 4, .around = mid(105));
    HISTORY("1 2 3", true, .limit = 4, .around = mid(102));
    HISTORY("7 8 9", true, .limit = 4, .around = mid(109));
    HISTORY("1 2 3 4 5 6 7 8 9", false, .limit = 50, .around = mid(105));
}

static void late_messages_are_read_where_they_belong(void **state)
{
    struct nc_change late = say(DEN, BOB, 102, "late");

    (void)state;
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 103, "three"));
    late.message.late = true;
    OK(late);
    ASK("one late three", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    ASK("late three", .kind = NC_Q_HISTORY, .room = DEN, .after = mid(101), .limit = 9);
}

static void clearing_hides_what_is_there(void **state)
{
    struct nc_change clear = {.kind = NC_CLEAR_SET, .member = {.room = DEN, .user = BOB}};

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "old"));
    OK(clear);
    struct nc_member_rec bob = member(DEN, BOB);
    assert_true(bob.cleared_seq == w.store->info.head);
    assert_true(last.changes[0].member.cleared_seq == bob.cleared_seq);
    assert_string_equal(unread(bob), "0/0:-");
    struct nc_change late = say(DEN, ADA, 100, "late");
    late.message.late = true;
    OK(late);
    OK(say(DEN, ADA, 102, "new"));
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9,
        .cleared_seq = bob.cleared_seq);
    assert_false(answer.q.more);
    ASK("old", .kind = NC_Q_HISTORY, .room = DEN, .limit = 1, .before = mid(102));
    ASK("late", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .before = mid(102),
        .cleared_seq = bob.cleared_seq);
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .after = mid(1),
        .cleared_seq = bob.cleared_seq);
    ASK("late new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9, .around = mid(101),
        .cleared_seq = bob.cleared_seq);
    assert_string_equal(unread(bob), "2/0:new");
    OK(clear);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:-");
    ASK("", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9,
        .cleared_seq = member(DEN, BOB).cleared_seq);
    ASK("late old new", .kind = NC_Q_HISTORY, .room = DEN, .limit = 9);
    clear.member.user = EVE;
    REFUSED(clear, NC_ENOENT);
    clear.member = (struct nc_member_rec){.room = HALL, .user = ADA};
    OK(clear); /* an empty room */
    OK(say(HALL, BOB, 500, "first"));
    assert_string_equal(unread(member(HALL, ADA)), "1/0:first");
}

static void own_messages_come_in_log_order(void **state)
{
    (void)state;
    people_and_rooms();
    uint64_t since = w.store->info.head;
    OK(say(DEN, ADA, 103, "a"));
    OK(say(HALL, ADA, 102, "b"));
    OK(say(DEN, BOB, 104, "not mine"));
    OK(say(DEN, ADA, 101, "c"));
    ASK("a b c", .kind = NC_Q_OF_USER, .user = ADA, .since = since, .limit = 9);
    assert_false(answer.q.more);
    ASK("a b", .kind = NC_Q_OF_USER, .user = ADA, .limit = 2);
    assert_true(answer.q.more);
    ASK("c", .kind = NC_Q_OF_USER, .user = ADA, .since = answer.q.upto, .limit = 2);
    assert_false(answer.q.more);
    ASK("", .kind = NC_Q_OF_USER, .user = EVE, .limit = 2);
    ASK("a b", .kind = NC_Q_OF_USER, .user = ADA, .limit = 9, .bytes_max = 2);
    assert_true(answer.q.more);
    ASK("c", .kind = NC_Q_OF_USER, .user = ADA, .since = answer.q.upto, .limit = 9);
}

static void messages_bear_the_present_names_of_their_senders(void **state)
{
    struct nc_change rename = {.kind = NC_ACCOUNT_UPDATE,
                               .account = {.id = ADA, .display_name = nc_str("Ada L.")}};

    (void)state;
    OK(say(DEN, ADA, 100, "who was that?"));
    ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
    assert_int_equal(answer.row.message.sender_name.n, 0);
    OK(account(ADA, "ada"));
    for (int i = 0; i < 4; i++) { /* whichever reader answers, and twice */
        ask((struct nc_query){.kind = NC_Q_MESSAGE, .id = mid(100)});
        assert_int_equal(answer.row.message.sender_name.n, 3);
        assert_int_equal(answer.row.message.sender_display.n, 8);
    }
    OK(rename);
    for (int i = 0; i < 4; i++) {
        ask((struct nc_query){.kind = NC_Q_HISTORY, .room = DEN, .limit = 1});
        assert_int_equal(answer.row.message.sender_display.n, 6);
    }
    OK(((struct nc_change){.kind = NC_ACCOUNT_DELETE, .account = {.id = ADA}}));
    for (int i = 0; i < 4; i++) {
        ask((struct nc_query){.kind = NC_Q_HISTORY, .room = DEN, .limit = 1});
        assert_int_equal(answer.row.message.sender_name.n, 0);
    }
}

static void a_page_names_every_sender(void **state)
{
    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 100, "a"));
    OK(say(DEN, BOB, 101, "b"));
    for (int i = 0; i < 4; i++) { /* whichever reader answers, and twice */
        ASK("a b", .kind = NC_Q_HISTORY, .room = DEN, .limit = 2);
        assert_int_equal(answer.row.message.sender_name.n, 3);
    }
}

/* ---- unread -------------------------------------------------------------- */

static void unread_counts_others_messages_after_the_marker(void **state)
{
    (void)state;
    people_and_rooms();
    assert_string_equal(unread(member(DEN, BOB)), "0/0:-");
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, BOB, 102, "mine"));
    struct nc_change mention = say(DEN, ADA, 103, "@bob");
    mention.message.mentions = nc_str("eve bob nobody");
    OK(mention);
    assert_string_equal(unread(member(DEN, BOB)), "2/1:@bob");
    assert_string_equal(unread(member(DEN, ADA)), "1/0:@bob");
    OK(mark_read(DEN, BOB, 101));
    assert_int_equal(last.changes[0].touched, 1);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:@bob");
    OK(mark_read(DEN, BOB, 103));
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob");
    REFUSED(mark_read(DEN, EVE, 103), NC_ENOENT);
}

static void read_markers_only_go_forward(void **state)
{
    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "one"));
    OK(say(DEN, ADA, 102, "two"));
    OK(mark_read(DEN, BOB, 102));
    uint64_t head = w.store->info.head;
    struct nc_member_rec before = member(DEN, BOB);
    assert_true(before.read_seq == head - 1); /* the head when it was set */
    assert_true(last.changes[0].member.read_seq == before.read_seq);
    OK(mark_read(DEN, BOB, 101));
    assert_int_equal(last.changes[0].touched, 0);
    assert_true(last.changes[0].event.seq == 0);
    OK(mark_read(DEN, BOB, 102)); /* nothing new behind it */
    assert_true(last.changes[0].event.seq == 0);
    assert_true(w.store->info.head == head);
    struct nc_member_rec after = member(DEN, BOB);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void late_messages_are_unread_until_seen(void **state)
{
    struct nc_change late = say(DEN, ADA, 101, "@bob late");

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 105, "five"));
    OK(mark_read(DEN, BOB, 105));
    late.message.late = true;
    late.message.mentions = nc_str("bob");
    OK(late);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:five");
    OK(mark_read(DEN, BOB, 105)); /* the same id, but there is something behind it */
    assert_true(last.changes[0].event.seq > 0);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:five");
}

static void an_answer_is_unread_once_it_is_complete(void **state)
{
    struct nc_change born = say(DEN, ADA, 101, "");
    struct nc_change end = complete(DEN, 101, "@bob done");

    (void)state;
    people_and_rooms();
    born.message.state = NC_STREAMING;
    OK(born);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:");
    OK(mark_read(DEN, BOB, 101)); /* seen while it grew */
    end.message.mentions = nc_str("bob");
    OK(end);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:@bob done");
    OK(mark_read(DEN, BOB, 101));
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob done");
    OK(end); /* completed again: no news */
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob done");
}

static void another_answer_to_a_read_question_is_not_unread(void **state)
{
    struct nc_change born = say(DEN, ADA, 101, "");
    struct nc_change again = change_message(NC_MESSAGE_RESTART, NC_EV_NONE, DEN, 101);
    struct nc_change end = complete(DEN, 101, "@bob anew");

    (void)state;
    people_and_rooms();
    born.message.state = NC_STREAMING;
    end.message.mentions = nc_str("bob");
    again.message.body = nc_str("done");
    OK(born);
    OK(complete(DEN, 101, "done"));
    OK(again);
    OK(end);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:@bob anew"); /* read neither */
    OK(mark_read(DEN, BOB, 101));
    again.message.chosen = 1;
    OK(again);
    OK(end);
    assert_string_equal(unread(member(DEN, BOB)), "0/0:@bob anew");
    OK(mark_read(DEN, BOB, 101));
    assert_int_equal(last.changes[0].touched, 0); /* nothing new is behind it */
}

static void an_answer_that_began_anew_is_news_when_it_ends(void **state)
{
    struct nc_change born = say(DEN, ADA, 101, "");
    struct nc_change again = change_message(NC_MESSAGE_RESTART, NC_EV_NONE, DEN, 101);

    (void)state;
    people_and_rooms();
    born.message.state = NC_STREAMING;
    OK(born);
    OK(mark_read(DEN, BOB, 101));
    again.message.state = NC_FAILED; /* another model goes on */
    again.message.body = nc_str("do");
    OK(again);
    OK(complete(DEN, 101, "done"));
    assert_string_equal(unread(member(DEN, BOB)), "1/0:done");
}

static void another_answer_beside_a_copied_one_is_not_unread(void **state)
{
    struct nc_change again = change_message(NC_MESSAGE_RESTART, NC_EV_NONE, DEN, 101);

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "done")); /* it never streamed here */
    OK(mark_read(DEN, BOB, 101));
    again.message.body = nc_str("done");
    OK(again);
    OK(complete(DEN, 101, "anew"));
    assert_string_equal(unread(member(DEN, BOB)), "0/0:anew");
}

static void deleted_messages_are_not_unread(void **state)
{
    struct nc_change m = say(DEN, ADA, 102, "@bob");
    struct nc_change edit =
        change_message(NC_MESSAGE_EDIT, NC_EV_MESSAGE_UPDATED, DEN, 101);

    (void)state;
    people_and_rooms();
    OK(say(DEN, ADA, 101, "one"));
    m.message.mentions = nc_str("bob");
    OK(m);
    assert_string_equal(unread(member(DEN, BOB)), "2/1:@bob");
    OK(delete_message(DEN, 102));
    assert_string_equal(unread(member(DEN, BOB)), "1/0:one");
    edit.message.body = nc_str("one @bob");
    edit.message.mentions = nc_str("bob");
    OK(edit);
    assert_string_equal(unread(member(DEN, BOB)), "1/1:one @bob");
    edit.message.mentions = nc_str("");
    OK(edit);
    assert_string_equal(unread(member(DEN, BOB)), "1/0:one @bob");
}

static void unread_counts_stop_at_a_thousand(void **state)
{
    static struct done many[1003];

    (void)state;
    people_and_rooms();
    memset(many, 0, sizeof(many));
    for (unsigned i = 0; i < NC_COUNT(many); i++) {
        many[i].changes[0] = say(DEN, ADA, 1000 + i, "x");
        many[i].changes[0].message.mentions = nc_str("bob");
        many[i].c.n = 1;
        submit(&many[i]);
    }
    nc_loop_run(w.loop);
    assert_int_equal(many[1002].e, NC_OK);
    struct nc_member_rec rooms[2] = {member(HALL, ADA), member(DEN, BOB)};
    ASK("0/0:- 1000/1000:x", .kind = NC_Q_UNREAD, .user = BOB, .rooms = rooms,
        .rooms_n = 2);
}

int main(void)
{
    const struct CMUnitTest both[] = {
        T(every_field_of_a_message_comes_back),
        T(a_client_id_works_once),
        T(a_command_is_remembered_with_its_answer),
        T(editing_and_deleting),
        T(a_generated_answer_grows_and_completes),
        T(expiry_erases_the_oldest_by_id),
        T(history_pages_in_all_directions),
        T(late_messages_are_read_where_they_belong),
        T(clearing_hides_what_is_there),
        T(own_messages_come_in_log_order),
        T(messages_bear_the_present_names_of_their_senders),
        T(a_page_names_every_sender),
        T(unread_counts_others_messages_after_the_marker),
        T(read_markers_only_go_forward),
        T(late_messages_are_unread_until_seen),
        T(an_answer_is_unread_once_it_is_complete),
        T(another_answer_to_a_read_question_is_not_unread),
        T(an_answer_that_began_anew_is_news_when_it_ends),
        T(another_answer_beside_a_copied_one_is_not_unread),
        T(deleted_messages_are_not_unread),
        T(unread_counts_stop_at_a_thousand),
    };
    int failed = 0;

    OVER_EVERY_BACKEND(failed, both);
    return failed;
}
