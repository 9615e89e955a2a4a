/* What another node did, as people of this one see it. */
#include "chat/live/cursor.h"
#include "chat/talk/another.h"
#include "merge_world.h"

static struct nc_user *anna, *boris; /* as they are on node 0 */
static struct nc_room *kitchen;

/* Anna's node, where Boris is too, and the room; the other node knows all of it. */
static int two_nodes(void **state)
{
    (void)state;
    nodes_open(2, false);
    anna = person(0, "anna", NC_PERSON);
    boris = person(0, "boris", NC_PERSON);
    kitchen = room(0, anna, "Kitchen", NC_ROOM, boris);
    assert_non_null(kitchen);
    heal();
    assert_non_null(room_at(1, kitchen));
    return 0;
}

static int over(void **state)
{
    (void)state;
    assert_agree();
    for (unsigned i = 0; i < nodes_n; i++)
        assert_as_reloaded(i);
    nodes_close();
    return 0;
}

/* ---- who hears what ------------------------------------------------------ */

static void what_is_said_there_is_heard_here(void **state)
{
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "soup is ready", NULL), NC_P_NONE);
    heal();
    assert_true(ear_heard(e, "\"message.created\""));
    assert_true(ear_heard(e, "soup is ready") && ear_heard(e, "\"username\":\"anna\""));
    assert_false(ear_heard(e, "\"late\""));
    ear_clear(e);

    struct nc_actor who = {.user = anna};
    nc_message_edit(at(0), &who, &got.message, NC_STR("soup is cold"), on_sent, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_true(ear_heard(e, "\"message.updated\"") && ear_heard(e, "soup is cold"));
    nc_message_delete(at(0), &who, &got.message, on_sent, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    ear_clear(e);
    heal();
    assert_true(ear_heard(e, "\"message.deleted\"") && ear_heard(e, "\"deleted\":true"));
    assert_false(ear_heard(e, "soup"));
    ear_close(1, e);
}

static void its_sender_hears_the_client_id_everywhere(void **state)
{
    struct ear *hers = ear_open(1, user_at(1, anna), NULL, NULL);
    struct ear *his = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_id id = nc_id_random();

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "hi", &id), NC_P_NONE);
    heal();
    assert_true(ear_heard(hers, "client_id"));
    assert_true(ear_heard(his, "\"hi\"") && !ear_heard(his, "client_id"));
    ear_close(1, hers);
    ear_close(1, his);
}

static void what_was_said_in_a_cut_is_late_and_unread(void **state)
{
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);

    (void)state;
    nodes[1].ahead_ms = 1000;
    assert_int_equal(say(0, anna, kitchen, "first", NULL), NC_P_NONE);
    struct nc_id first = got.message;
    assert_int_equal(say(1, user_at(1, boris), room_at(1, kitchen), "second", NULL),
                     NC_P_NONE);
    struct nc_id second = got.message;
    assert_true(nc_id_cmp(&first, &second) < 0);
    ear_clear(e);
    heal();
    assert_true(ear_heard(e, "first") && ear_heard(e, "\"late\":true"));
    assert_true(nc_id_eq(&room_at(1, kitchen)->newest, &second));
    assert_true(nc_id_eq(&kitchen->newest, &second));
    ear_close(1, e);
}

/* More at once than can be told one by one. */
static void a_backlog_is_fetched_and_nothing_is_missed(void **state)
{
    static uint64_t seqs[4096];
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_actor who = {.user = anna};
    char text[32];
    unsigned n = 1500;

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        struct nc_send in = {.text = {text, (size_t)snprintf(text, 32, "n%u.", i)}};
        nc_message_send(at(0), &who, kitchen, &in, on_sent, NULL);
        if (i % 100 == 99)
            settle();
    }
    settle();
    assert_int_equal(got.calls, n);
    got.calls = 0;
    nodes[1].ahead_ms = 3600000; /* it was said an hour ago */
    assert_int_equal(nc_hub_stats(nodes[1].chat->hub)->catchup_pages, 0);
    heal();
    for (unsigned quiet = 0; quiet < 20; quiet++)
        settle();
    assert_int_equal(ear_seqs(e, seqs, NC_COUNT(seqs)), n);
    for (unsigned i = 1; i < n; i++)
        assert_true(seqs[i] > seqs[i - 1]);
    assert_true(ear_heard(e, "n0.") && ear_heard(e, "n1499."));
    assert_true(nc_hub_stats(nodes[1].chat->hub)->catchup_pages > 0);
    nodes[1].ahead_ms = 0;

    /* And live again, behind it. */
    ear_clear(e);
    assert_int_equal(say(0, anna, kitchen, "after all that", NULL), NC_P_NONE);
    heal();
    for (unsigned quiet = 0; quiet < 5; quiet++)
        settle();
    assert_true(ear_heard(e, "after all that"));
    ear_close(1, e);
}

/* ---- authority ----------------------------------------------------------- */

static void who_is_kicked_there_hears_no_more_here(void **state)
{
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_actor who = {.user = anna};

    (void)state;
    nc_room_kick(at(0), &who, kitchen, boris, on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_true(ear_heard(e, "\"member.left\"") && ear_heard(e, "\"kicked\""));
    assert_null(nc_room_member(room_at(1, kitchen), user_at(1, boris)));
    ear_clear(e);
    assert_int_equal(say(0, anna, kitchen, "he is gone", NULL), NC_P_NONE);
    heal();
    assert_false(ear_heard(e, "he is gone"));
    assert_int_equal(say(1, user_at(1, boris), room_at(1, kitchen), "am I", NULL),
                     NC_P_FORBIDDEN);
    ear_close(1, e);
}

static void who_is_banned_there_does_not_come_in_here(void **state)
{
    struct nc_actor who = {.user = anna}, him = {.user = user_at(1, boris)};

    (void)state;
    nc_room_ban(at(0), &who, kitchen, boris, 0, on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_true(nc_room_banned(room_at(1, kitchen), user_at(1, boris)));
    nc_room_join(at(1), &him, room_at(1, kitchen), on_room, NULL);
    assert_int_equal(ended(), NC_P_FORBIDDEN);
    nc_room_unban(at(0), &who, kitchen, boris, on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    nc_room_join(at(1), &him, room_at(1, kitchen), on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_non_null(nc_room_member(kitchen, boris));
}

static void who_is_let_in_there_hears_it_here(void **state)
{
    struct nc_user *clara = person(1, "clara", NC_PERSON);
    struct ear *e;
    struct nc_actor who = {.user = anna};

    (void)state;
    heal();
    e = ear_open(1, clara, NULL, NULL);
    nc_room_put_member(at(0), &who, kitchen, user_at(0, clara), NC_MODERATOR, on_room,
                       NULL);
    assert_int_equal(ended(), NC_P_NONE);
    assert_int_equal(say(0, anna, kitchen, "welcome", NULL), NC_P_NONE);
    heal();
    assert_true(ear_heard(e, "\"member.joined\"") && ear_heard(e, "\"moderator\""));
    assert_true(ear_heard(e, "welcome"));
    assert_int_equal(say(1, clara, room_at(1, kitchen), "thanks", NULL), NC_P_NONE);
    heal();
    ear_close(1, e);
}

static void who_is_disabled_there_is_put_out_here(void **state)
{
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_actor root = {.admin_socket = true, .address = NC_STR("")};
    uint32_t proof = user_at(1, boris)->proof;
    bool off = true;

    (void)state;
    nc_account_patch(at(0), &root, boris, &(struct nc_account_patch){.disabled = &off},
                     on_done, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_int_equal(e->ended, 4401);
    assert_true(user_at(1, boris)->a.disabled);
    assert_true(user_at(1, boris)->proof != proof); /* a login under way does not hold */
    ear_close(1, e);
}

static void who_is_deleted_there_is_gone_here(void **state)
{
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_actor self = {.user = boris, .address = NC_STR("")};

    (void)state;
    nc_account_delete(at(0), &self, on_done, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_int_equal(e->ended, 4401);
    assert_true(user_at(1, boris)->a.deleted);
    assert_null(nc_user_named(nodes[1].chat, NC_STR("boris")));
    assert_int_equal(room_at(1, kitchen)->members.n, 1);
    ear_close(1, e);
}

static enum nc_err end_session(unsigned i, struct nc_user *u, const struct nc_id *session)
{
    struct nc_change ch = {.kind = session ? NC_SESSION_END : NC_SESSIONS_END};

    ch.session = (struct nc_session){.user = u->a.id, .ended_ms = nc_wall_ms()};
    ch.event = (struct nc_event){.kind = NC_EV_SESSION_ENDED,
                                 .audience = NC_AUD_USER,
                                 .to = u->a.id,
                                 .subject = u->a.id,
                                 .hlc = nc_hlc_now(&at(i)->clock)};
    if (session)
        ch.session.id = ch.event.ref = *session;
    return commit(i, &ch);
}

static struct nc_id session_at(unsigned i, struct nc_user *u)
{
    struct nc_change ch = {.kind = NC_SESSION_INSERT};

    ch.session = (struct nc_session){.id = nc_hlc_id(nc_hlc_now(&at(i)->clock)),
                                     .user = u->a.id,
                                     .generation = 1,
                                     .created_ms = nc_wall_ms(),
                                     .expires_ms = nc_wall_ms() + 1000000};
    assert_int_equal(commit(i, &ch), NC_OK);
    return ch.session.id;
}

static void sessions_that_end_there_end_here(void **state)
{
    struct nc_id one = session_at(0, boris), two = session_at(1, user_at(1, boris));
    struct ear *first = ear_open(1, user_at(1, boris), NULL, &one);
    struct ear *second = ear_open(1, user_at(1, boris), NULL, &two);

    (void)state;
    assert_int_equal(end_session(0, boris, &one), NC_OK);
    heal();
    assert_int_equal(first->ended, 4401);
    assert_int_equal(second->ended, 0);
    assert_true(nc_session_ended(nodes[1].chat, &boris->a.id, &one));
    assert_false(nc_session_ended(nodes[1].chat, &boris->a.id, &two));
    nodes[0].ahead_ms = 2000;
    assert_int_equal(end_session(0, boris, NULL), NC_OK);
    heal();
    assert_int_equal(second->ended, 4401);
    assert_true(nc_session_ended(nodes[1].chat, &boris->a.id, &two));
    ear_close(1, first);
    ear_close(1, second);
}

/* ---- names --------------------------------------------------------------- */

static void the_later_of_two_names_is_another_and_both_hear_of_it(void **state)
{
    struct nc_user *first = person(0, "clara", NC_PERSON);
    nodes[1].ahead_ms = 5000;
    struct nc_user *second = person(1, "clara", NC_PERSON);
    struct nc_id session = session_at(1, second);
    struct ear *hers = ear_open(0, first, NULL, NULL);
    struct ear *theirs = ear_open(1, second, NULL, &session);

    (void)state;
    heal();
    assert_true(nc_str_eqz(second->a.username, "clara-2"));
    assert_ptr_equal(nc_user_named(nodes[1].chat, NC_STR("clara")), user_at(1, first));
    assert_ptr_equal(nc_user_named(nodes[0].chat, NC_STR("clara")), first);
    assert_ptr_equal(nc_user_named(nodes[0].chat, NC_STR("clara-2")), user_at(0, second));
    assert_true(ear_heard(theirs, "\"renamed\"") && ear_heard(theirs, "clara-2"));
    assert_int_equal(theirs->ended, 4401);
    assert_true(nc_session_ended(nodes[1].chat, &second->a.id, &session));
    assert_true(ear_heard(hers, "\"renamed\"") && ear_heard(hers, "clara-2"));
    assert_int_equal(hers->ended, 0);
    ear_close(0, hers);
    ear_close(1, theirs);
}

/* More than the store says one by one: each takes the name that the next one wanted. */
static void a_whole_row_of_names_moves_on(void **state)
{
    struct nc_user *u[7];
    char name[32] = "dan";

    (void)state;
    u[0] = person(0, name, NC_PERSON);
    nodes[1].ahead_ms = 5000;
    for (unsigned i = 1; i < NC_COUNT(u); i++) {
        u[i] = person(1, name, NC_PERSON);
        strcat(name, "-2");
    }
    heal();
    assert_ptr_equal(nc_user_named(nodes[1].chat, NC_STR("dan")), user_at(1, u[0]));
    snprintf(name, sizeof(name), "dan");
    for (unsigned i = 1; i < NC_COUNT(u); i++) {
        strcat(name, "-2");
        for (unsigned k = 0; k < 2; k++)
            assert_ptr_equal(nc_user_named(nodes[k].chat, nc_str(name)), user_at(k, u[i]));
    }
}

/* ---- the same thing twice ------------------------------------------------ */

static unsigned gone_n;
static struct nc_id gone_id;
static void on_gone(struct nc_observer *o, struct nc_room *r, const struct nc_id *message)
{
    (void)o;
    (void)r;
    gone_n++;
    gone_id = *message;
}

static void one_message_sent_to_both_is_one(void **state)
{
    struct nc_id id = nc_id_random();
    struct nc_observer o = {.deleted = on_gone};
    struct ear *e = ear_open(1, user_at(1, boris), NULL, NULL);
    char kept[NC_ID_TEXT + 1] = "", lost[NC_ID_TEXT + 1] = "";

    (void)state;
    gone_n = 0;
    nc_chat_observe(nodes[1].chat, &o);
    assert_int_equal(say(0, anna, kitchen, "once", &id), NC_P_NONE);
    nc_id_text(&got.message, kept);
    nodes[1].ahead_ms = 3000;
    assert_int_equal(say(1, user_at(1, anna), room_at(1, kitchen), "once", &id), NC_P_NONE);
    struct nc_id later = got.message;
    nc_id_text(&later, lost);
    heal();
    assert_true(ear_heard(e, "\"reason\":\"duplicate\"") && ear_heard(e, "replaced_by"));
    char *at_dup = memmem(e->heard.p, e->heard.n, "\"replaced_by\":\"", 15);
    assert_memory_equal(at_dup + 15, kept, NC_ID_TEXT);
    assert_memory_equal(strstr(at_dup, "\"id\":\"") + 6, lost, NC_ID_TEXT);
    assert_true(gone_n > 0 && nc_id_eq(&gone_id, &later));
    nc_list_del(&o.node);
    ear_close(1, e);
}

/* Where it is read from the log and where it comes live. */
static bool was_told(struct ear *e, const struct nc_id *lost, const struct nc_id *kept)
{
    char words[128], id[NC_ID_TEXT + 1] = "";

    nc_id_text(kept, id);
    snprintf(words, sizeof(words), "\"reason\":\"duplicate\",\"replaced_by\":\"%s\"", id);
    if (!ear_heard(e, words))
        return false;
    nc_id_text(lost, id);
    char *at_dup = memmem(e->heard.p, e->heard.n, words, strlen(words));
    assert_memory_equal(strstr(at_dup, "\"id\":\"") + 6, id, NC_ID_TEXT);
    return true;
}

static void of_two_answers_the_one_given_up_goes_without_a_trace(void **state)
{
    struct ear *first = ear_open(1, user_at(1, boris), NULL, NULL);
    struct nc_actor who = {.user = anna};
    struct nc_id kept, lost;
    struct nc_buf since = {0};

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "mine", NULL), NC_P_NONE);
    kept = got.message;
    assert_int_equal(say(0, anna, kitchen, "yours", NULL), NC_P_NONE);
    lost = got.message;
    heal();
    nc_cursor_add(&since, &nodes[1].store->info.incarnation, nodes[1].store->info.head);
    nc_buf_addc(&since, 0);
    nc_answer_give_way(at(0), &lost, &kept);
    settle();
    assert_true(nc_id_eq(&kitchen->newest, &kept));
    heal();
    assert_true(was_told(first, &lost, &kept));
    assert_true(nc_id_eq(&room_at(1, kitchen)->newest, &kept));
    struct ear *later = ear_open(1, user_at(1, boris), since.p, NULL);
    assert_true(was_told(later, &lost, &kept));
    assert_false(ear_heard(later, "\"yours\""));

    /* By its id the other is deleted, for that is what it is. */
    nc_message_delete(at(0), &who, &lost, on_sent, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    nc_buf_fini(&since);
    ear_close(1, first);
    ear_close(1, later);
}

/* Deleted by one who did not know: nobody hears that the other is. */
static void an_answer_deleted_elsewhere_and_given_up_leaves_the_other_alone(void **state)
{
    struct ear *e = ear_open(0, boris, NULL, NULL);
    struct nc_actor her = {.user = user_at(1, anna)};
    struct nc_id kept, lost;
    char words[96], id[NC_ID_TEXT + 1] = "";

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "mine", NULL), NC_P_NONE);
    kept = got.message;
    assert_int_equal(say(0, anna, kitchen, "yours", NULL), NC_P_NONE);
    lost = got.message;
    heal();
    nc_message_delete(at(1), &her, &lost, on_sent, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    nc_answer_give_way(at(0), &lost, &kept);
    settle();
    assert_true(was_told(e, &lost, &kept));
    heal();
    nc_id_text(&kept, id);
    snprintf(words, sizeof(words), "\"message\":{\"id\":\"%s\"", id);
    assert_true(ear_heard(e, words)); /* created, and an alternative more */
    nc_buf_addc(&e->heard, 0);
    for (char *one = e->heard.p; (one = strstr(one, words)); one++) {
        const char *next = strstr(one, "\"type\":"),
                   *gone = strstr(one, "\"deleted\":true");
        assert_true(!gone || (next && gone > next));
    }
    ear_close(0, e);
}

/* ---- observers ----------------------------------------------------------- */

static unsigned stored_n, merged_n, personas_n;
static void on_stored(struct nc_observer *o, struct nc_room *r, const struct nc_message *m)
{
    (void)o, (void)r, (void)m;
    stored_n++;
}
static void on_merged_one(struct nc_observer *o, struct nc_room *r,
                          const struct nc_message *m, const struct nc_event *ev)
{
    (void)o;
    assert_ptr_equal(r, room_at(1, kitchen));
    assert_true(nc_str_eqz(m->sender_name, "anna") && !nc_id_zero(&m->client_id));
    assert_int_equal(ev->kind, NC_EV_MESSAGE_CREATED);
    merged_n++;
}
static void on_persona(struct nc_observer *o, struct nc_user *u,
                       const struct nc_persona_rec *rec)
{
    (void)o;
    assert_int_equal(u->a.kind, NC_PERSONA);
    personas_n += rec ? 1 : 100;
}

static void observers_can_tell_whose_it_is(void **state)
{
    struct nc_observer o = {
        .stored = on_stored, .merged = on_merged_one, .persona = on_persona};
    struct nc_id id = nc_id_random();
    struct nc_user *olga = person(0, "olga", NC_PERSONA);
    struct nc_change ch = {.kind = NC_PERSONA_SET};

    (void)state;
    stored_n = merged_n = personas_n = 0;
    nc_chat_observe(nodes[1].chat, &o);
    ch.persona = (struct nc_persona_rec){.user = olga->a.id, .settings = NC_STR("{}")};
    ch.event = (struct nc_event){.kind = NC_EV_PERSONA_SET,
                                 .audience = NC_AUD_ADMINS,
                                 .hlc = nc_hlc_now(&at(0)->clock),
                                 .subject = olga->a.id};
    assert_int_equal(commit(0, &ch), NC_OK);
    assert_int_equal(say(0, anna, kitchen, "hello", &id), NC_P_NONE);
    heal();
    assert_int_equal(stored_n, 0);
    assert_int_equal(merged_n, 1);
    assert_int_equal(personas_n, 1);
    struct nc_actor self = {.user = olga, .address = NC_STR("")};
    nc_account_delete(at(0), &self, on_done, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
    assert_true(personas_n >= 101);
    nc_list_del(&o.node);
}

/* ---- what is refused ----------------------------------------------------- */

static void what_is_known_is_passed_over(void **state)
{
    struct nc_id origin = nodes[0].store->info.incarnation;
    struct post *p;

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "one", NULL), NC_P_NONE);
    p = post_new(1, 0, &origin, NC_MERGE_ROWS);
    p->q.since = 0;
    post_free(p);
    p = nc_alloc(sizeof(*p));
    p->q = (struct nc_query){
        .kind = NC_Q_ORIGIN, .id = origin, .limit = NC_MERGE_ROWS, .row = on_row};
    p->m = (struct nc_merge){.rows = p->rows, .done = on_merged, .arg = p};
    assert_int_equal(nc_store_read_now(nodes[0].store, &p->q), NC_OK);
    for (unsigned i = 0; i < p->m.n; i++)
        p->rows[i].record = nc_buf_str(&p->bytes[i]);
    post_send(1, p);
    assert_int_equal(p->m.err, NC_OK);
    assert_int_equal(p->m.taken, p->m.n);
    assert_int_equal(p->m.known, p->m.n - 1);
    p->done = false;
    post_send(1, p); /* all of it again */
    assert_int_equal(p->m.err, NC_OK);
    assert_int_equal(p->m.known, p->m.n);
    post_free(p);
}

static void rows_before_a_refused_one_are_taken(void **state)
{
    struct nc_id origin = nodes[0].store->info.incarnation;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(say(0, anna, kitchen, "words", NULL), NC_P_NONE);
    struct post *p = post_new(1, 0, &origin, 3);
    p->bytes[1].p[p->bytes[1].n - 1] ^= 1; /* not what was announced */
    post_send(1, p);
    assert_int_equal(p->m.err, NC_EINVAL);
    assert_string_equal(p->m.why, "record");
    assert_int_equal(p->m.taken, 1);
    assert_int_equal(nc_chat_merged(nodes[1].chat, &origin), p->rows[0].ev.origin_seq);
    post_free(p);

    p = post_new(1, 0, &origin, 3); /* a gap */
    p->m.rows++;
    p->m.n--;
    post_send(1, p);
    assert_int_equal(p->m.err, NC_AGAIN);
    assert_int_equal(p->m.taken, 0);
    post_free(p);

    p = post_new(1, 0, &origin, 3); /* one is not to be had any more */
    p->rows[0].skip = true;
    post_send(1, p);
    assert_int_equal(p->m.err, NC_OK);
    assert_int_equal(p->m.taken, p->m.n);
    post_free(p);
    /* So the two differ by a message; the other one gives it up, too. */
    struct nc_actor who = {.user = anna};
    struct nc_room *r = kitchen;
    nc_room_delete(at(0), &who, r, on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    heal();
}

/* It would stand in topics. */
static void a_name_that_nobody_may_have_is_refused(void **state)
{
    static const char *const bad[] = {"x/#", "A B", "-x", "x"};

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(bad); i++) {
        struct nc_id origin = nc_id_random();
        struct nc_record r = {
            .kind = NC_STATE_ACCOUNT,
            .account = {.id = nc_id_random(), .username = nc_str(bad[i])}};
        struct nc_buf bytes = {0};
        struct nc_merge_row row = {.ev = {.origin = origin,
                                          .origin_seq = 1,
                                          .kind = NC_EV_ACCOUNT_CREATED,
                                          .hlc = nc_wall_ms() << 12,
                                          .subject = r.account.id}};
        struct post p = {.m = {.rows = &row, .n = 1, .done = on_merged}};

        r.created_hlc = row.ev.hlc;
        nc_name_claim(r.account.username, r.claim);
        nc_record_hash(&r, row.ev.body_hash);
        nc_record_bytes(&r, &bytes);
        row.record = nc_buf_str(&bytes);
        p.m.arg = &p;
        post_send(1, &p);
        assert_int_equal(p.m.err, NC_EINVAL);
        assert_int_equal(p.m.taken, 0);
        nc_buf_fini(&bytes);
    }
}

/* ---- what can't have been said here ------------------------------------------ */

static const struct nc_id none;

/* The one event of a log of its own, with that record; how the merge ends. */
static enum nc_err tell(struct nc_record *r, enum nc_event_kind kind)
{
    struct nc_state_key key = nc_record_key(r);
    bool by_ref = r->kind == NC_STATE_ROOM || r->kind == NC_STATE_MESSAGE;
    struct nc_merge_row row = {.ev = {.origin = nc_id_random(),
                                      .origin_seq = 1,
                                      .kind = kind,
                                      .hlc = nc_wall_ms() << 12,
                                      .audience = NC_AUD_ROOM,
                                      .to = kitchen->rec.id,
                                      .ref = by_ref || !nc_id_zero(&key.b) ? key.a : none,
                                      .subject = by_ref               ? none
                                                 : nc_id_zero(&key.b) ? key.a
                                                                      : key.b}};
    struct post p = {.m = {.rows = &row, .n = 1, .done = on_merged}};
    struct nc_buf bytes = {0};

    nc_record_hash(r, row.ev.body_hash);
    nc_record_bytes(r, &bytes);
    row.record = nc_buf_str(&bytes);
    p.m.arg = &p;
    post_send(1, &p);
    nc_buf_fini(&bytes);
    return p.m.err;
}

static enum nc_err tell_account(const char *name, struct nc_str display,
                                struct nc_str password)
{
    struct nc_record r = {.kind = NC_STATE_ACCOUNT,
                          .account = {.id = nc_id_random(),
                                      .username = nc_str(name),
                                      .display_name = display,
                                      .password = password},
                          .created_hlc = nc_wall_ms() << 12};

    nc_name_claim(r.account.username, r.claim);
    return tell(&r, NC_EV_ACCOUNT_CREATED);
}

static enum nc_err tell_room(struct nc_str name, struct nc_str topic, const char *settings,
                             const char *encryption)
{
    struct nc_record r = {.kind = NC_STATE_ROOM,
                          .room = {.id = nc_id_random(),
                                   .kind = NC_ROOM,
                                   .name = name,
                                   .topic = topic,
                                   .settings = nc_str(settings),
                                   .encryption = nc_str(encryption)}};

    return tell(&r, NC_EV_ROOM_CREATED);
}

static enum nc_err tell_message(const char *type, struct nc_str mentions, const char *ai,
                                const char *code)
{
    struct nc_record r = {.kind = NC_STATE_MESSAGE,
                          .message = {.id = nc_hlc_id(nc_wall_ms() << 12),
                                      .room = kitchen->rec.id,
                                      .sender = anna->a.id,
                                      .content_type = nc_str(type),
                                      .mentions = mentions,
                                      .ai = nc_str(ai),
                                      .code = nc_str(code),
                                      .body = NC_STR("\x1b[2J stays what was said")}};

    return tell(&r, NC_EV_MESSAGE_CREATED);
}

static enum nc_err tell_key(const char *name, const char *scopes)
{
    struct nc_record r = {.kind = NC_STATE_KEY,
                          .key = {.id = nc_id_random(),
                                  .user = anna->a.id,
                                  .name = nc_str(name),
                                  .scopes = nc_str(scopes)}};

    nc_random(r.key.hash, sizeof(r.key.hash));
    return tell(&r, NC_EV_KEY_SET);
}

/* Terminals obey it, or people read something else than there is. */
static void what_hides_or_commands_is_no_name(void **state)
{
    static const char *const bad[] = {"\x1b]0;x\x07",
                                      "a\nb",
                                      "\xe2\x80\xae"
                                      "anna",
                                      "an\u2066na",
                                      "anna\u2069",
                                      "\xef\xbb\xbf"
                                      "anna",
                                      "an\u200fna",
                                      "a\u2028b",
                                      "\xc2\x85",
                                      "a\x7f!",
                                      "\xc2\x9b"
                                      "31manna",
                                      "\u200d\u200b"};
    static const char *const good[] = {"", "Анна", "a b", "\u00e9\U0001f600", "a\u200d"};
    struct nc_str fine = NC_STR("");
    char name[16];

    (void)state;
    for (unsigned i = 0; i < NC_COUNT(bad); i++) {
        struct nc_str s = nc_str(bad[i]);
        snprintf(name, sizeof(name), "eve%u", i);
        assert_int_equal(tell_account(name, s, fine), NC_EINVAL);
        assert_int_equal(tell_account(name, fine, s), NC_EINVAL);
        assert_int_equal(tell_room(s, fine, "", ""), NC_EINVAL);
        assert_int_equal(tell_room(fine, s, "", ""), NC_EINVAL);
        assert_int_equal(tell_key(bad[i], "chat"), NC_EINVAL);
        assert_int_equal(tell_key("k", bad[i]), NC_EINVAL);
        assert_int_equal(tell_message(bad[i], fine, "", ""), NC_EINVAL);
        assert_int_equal(tell_message("", fine, "", bad[i]), NC_EINVAL);
        assert_int_equal(tell_message("", s, "", ""), NC_EINVAL);
    }
    assert_int_equal(tell_room(fine, fine, "[]", ""), NC_EINVAL);
    assert_int_equal(tell_room(fine, fine, "{}\n", ""), NC_EINVAL);
    assert_int_equal(tell_message("", fine, "}{", ""), NC_EINVAL);
    assert_null(nc_user_named(nodes[1].chat, NC_STR("eve0")));
    for (unsigned i = 0; i < NC_COUNT(good); i++) {
        struct nc_str s = nc_str(good[i]);
        snprintf(name, sizeof(name), "adam%u", i);
        assert_int_equal(tell_account(name, s, NC_STR("$argon2id$v=19")), NC_OK);
        assert_int_equal(tell_room(s, s, "{\"a\":1}", "mls"), NC_OK);
        assert_int_equal(tell_key(good[i], "chat mqtt"), NC_OK);
        assert_int_equal(tell_message("text/plain", fine, "{\"job\":\"x\"}", "late"),
                         NC_OK);
    }
}

static void what_is_too_long_is_no_name(void **state)
{
    struct nc_buf many = {0}, names = {0};
    struct nc_str fine = NC_STR("");

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        nc_buf_adds(&many, NC_STR("ж"));
    assert_int_equal(tell_account("eve", nc_buf_str(&many), fine), NC_OK);
    assert_int_equal(tell_room(nc_buf_str(&many), fine, "", ""), NC_OK);
    nc_buf_adds(&many, NC_STR("ж"));
    assert_int_equal(tell_account("eva", nc_buf_str(&many), fine), NC_EINVAL);
    assert_int_equal(tell_room(nc_buf_str(&many), fine, "", ""), NC_EINVAL);
    assert_int_equal(tell_room(fine, nc_buf_str(&many), "", ""), NC_OK);
    for (unsigned i = 0; i < 50; i++)
        nc_buf_printf(&names, "%sn%u", i ? " " : "", i + 10);
    assert_int_equal(tell_message("", nc_buf_str(&names), "", ""), NC_OK);
    nc_buf_adds(&names, NC_STR(" one-more"));
    assert_int_equal(tell_message("", nc_buf_str(&names), "", ""), NC_EINVAL);
    nc_buf_fini(&names);
    nc_buf_fini(&many);
}

static void who_says_what_is_needed(void **state)
{
    struct nc_id origin = nodes[1].store->info.incarnation;
    struct nc_user *clara = person(1, "clara", NC_PERSON);

    (void)state;
    /* Clara's account is in the second log, her message in the room in the same; a third
     * would hear of the room first. */
    struct nc_actor who = {.user = clara};
    nc_room_join(at(1), &who, room_at(1, kitchen), on_room, NULL);
    assert_int_equal(ended(), NC_P_NONE);
    struct post *p = post_new(0, 1, &origin, NC_MERGE_ROWS);
    assert_int_equal(p->m.n, 2);
    p->rows[0].skip = true; /* as if her account were another log's, and not here yet */
    post_send(0, p);
    assert_int_equal(p->m.err, NC_ENOENT);
    assert_true(nc_id_eq(&p->m.needs, &clara->a.id));
    assert_int_equal(p->m.taken, 1);
    post_free(p);
    struct nc_actor self = {.user = clara, .address = NC_STR("")};
    nc_account_delete(at(1), &self, on_done, NULL);
    assert_int_equal(ended(), NC_P_NONE);
}

static int just_close(void **state)
{
    (void)state;
    nodes_close();
    return 0;
}

static void our_own_event_that_is_unknown_means_we_were_set_back(void **state)
{
    struct nc_id origin = nodes[0].store->info.incarnation;

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "words", NULL), NC_P_NONE);
    struct post *p = post_new(1, 0, &origin, 1);
    p->rows[0].ev.origin_seq += 100;
    post_send(0, p);
    assert_int_equal(p->m.err, NC_EINVAL);
    assert_string_equal(p->m.why, "ours");
    post_free(p);
    heal();
}

/* As after a commit that was kept, though it was said to have failed. */
static void what_only_the_store_knows_is_known(void **state)
{
    struct nc_id origin = nodes[0].store->info.incarnation;

    (void)state;
    assert_int_equal(say(0, anna, kitchen, "one", NULL), NC_P_NONE);
    assert_int_equal(say(0, anna, kitchen, "two", NULL), NC_P_NONE);
    struct post *p = post_new(1, 0, &origin, 2);
    assert_int_equal(p->m.n, 2);
    struct nc_record r;
    assert_int_equal(nc_record_parse(p->rows[0].record, &r), NC_OK);
    struct nc_change change = {
        .kind = NC_MERGE, .event = p->rows[0].ev, .merge.record = &r};
    assert_int_equal(commit(1, &change), NC_OK);
    post_send(1, p);
    assert_int_equal(p->m.err, NC_OK);
    assert_int_equal(p->m.taken, 2);
    assert_int_equal(nc_chat_merged(nodes[1].chat, &origin), p->rows[1].ev.origin_seq);
    post_free(p);
}

/* What was told to one of them alone. */
#define LONELY(f) cmocka_unit_test_setup_teardown(f, two_nodes, just_close)
#define TWO(f) cmocka_unit_test_setup_teardown(f, two_nodes, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO(what_is_said_there_is_heard_here),
        TWO(its_sender_hears_the_client_id_everywhere),
        TWO(what_was_said_in_a_cut_is_late_and_unread),
        TWO(a_backlog_is_fetched_and_nothing_is_missed),
        TWO(who_is_kicked_there_hears_no_more_here),
        TWO(who_is_banned_there_does_not_come_in_here),
        TWO(who_is_let_in_there_hears_it_here),
        TWO(who_is_disabled_there_is_put_out_here),
        TWO(who_is_deleted_there_is_gone_here),
        TWO(sessions_that_end_there_end_here),
        TWO(the_later_of_two_names_is_another_and_both_hear_of_it),
        TWO(a_whole_row_of_names_moves_on),
        TWO(one_message_sent_to_both_is_one),
        TWO(of_two_answers_the_one_given_up_goes_without_a_trace),
        TWO(an_answer_deleted_elsewhere_and_given_up_leaves_the_other_alone),
        TWO(observers_can_tell_whose_it_is),
        TWO(what_is_known_is_passed_over),
        TWO(rows_before_a_refused_one_are_taken),
        TWO(a_name_that_nobody_may_have_is_refused),
        TWO(what_only_the_store_knows_is_known),
        LONELY(what_hides_or_commands_is_no_name),
        LONELY(what_is_too_long_is_no_name),
        TWO(our_own_event_that_is_unknown_means_we_were_set_back),
        cmocka_unit_test_setup_teardown(who_says_what_is_needed, two_nodes, just_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
