#include "talk_world.h"

static void a_room_begins_with_its_owner(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON);
    struct ear *ear = ear_open(w, ada, NULL);
    struct nc_room *r = make_room(w, ada, "  den  ", NC_PUBLIC);

    (void)state;
    assert_true(nc_str_eqz(r->rec.name, "den"));
    assert_int_equal(nc_room_member(r, ada)->rec.role, NC_OWNER);
    assert_int_equal(r->owners, 1);
    assert_int_equal(ear_count(ear, "\"room.created\""), 1);
    assert_int_equal(ear_count(ear, "\"member.joined\""), 0);
    ear_close(w, ear);
    world_free(w);
}

static void names_have_bounds(void **state)
{
    static const char *const bad[] = {"", "   ", "a\nb", "a\x7f", "\u202e"};
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON);
    struct nc_actor who = as(ada);
    struct nc_room_new in = {.kind = NC_ROOM};
    char name[403];

    (void)state;
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        in.name = nc_str(bad[i]);
        nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
        assert_int_equal(end_call(w), NC_P_BAD_REQUEST);
    }
    for (int i = 0; i < 101; i++)
        memcpy(name + 2 * i, "я", 3);
    in.name = nc_str(name);
    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_BAD_REQUEST);
    in.name.n -= 2;
    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    world_free(w);
}

static void live_is_what_a_replay_gives(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_user *cat = person(w, "cat", NC_PERSON);
    struct nc_user *people[] = {ada, bob, cat};
    struct nc_user *members[] = {bob};
    struct nc_actor who = as(ada);
    struct nc_room_new in = {.kind = NC_ROOM,
                             .visibility = NC_PUBLIC,
                             .name = NC_STR("den"),
                             .members = members,
                             .members_n = 1};
    struct ear *live[3];
    struct nc_buf cursor = {0};
    struct nc_room *r;

    (void)state;
    nc_cursor_add(&cursor, &w->store->info.incarnation, w->store->info.head);
    nc_buf_addc(&cursor, 0);
    for (int i = 0; i < 3; i++)
        live[i] = ear_open(w, people[i], NULL);
    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    r = got.room;
    assert_int_equal(say(w, bob, r, "hello @ada"), NC_P_NONE);
    assert_int_equal(join(w, cat, r), NC_P_NONE);
    assert_int_equal(say(w, cat, r, "me too"), NC_P_NONE);
    assert_int_equal(put_member(w, ada, r, bob, NC_MODERATOR), NC_P_NONE);
    nc_room_kick(w->chat, &who, r, cat, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_int_equal(say(w, bob, r, "gone"), NC_P_NONE);
    for (int i = 0; i < 2; i++) {
        static const char *const kinds[] = {"\"room.created\"", "\"member.joined\"",
                                            "\"member.updated\"", "\"member.left\""};
        struct ear *again = ear_open(w, people[i], cursor.p);
        for (size_t k = 0; k < NC_COUNT(kinds); k++)
            assert_int_equal(ear_count(again, kinds[k]), ear_count(live[i], kinds[k]));
        ear_close(w, again);
    }
    assert_int_equal(ear_count(live[0], "\"message.created\""), 3);
    assert_int_equal(ear_count(live[2], "\"message.created\""), 1);
    assert_int_equal(ear_count(live[2], "\"kicked\""), 1);
    for (int i = 0; i < 3; i++)
        ear_close(w, live[i]);
    nc_buf_fini(&cursor);
    world_free(w);
}

static void private_rooms_are_not_there_for_others(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PRIVATE);
    struct nc_actor who = as(bob);
    struct nc_problem why;

    (void)state;
    assert_null(nc_room_visible(w->chat, &who, &r->rec.id, &why));
    assert_int_equal(why.code, NC_P_NOT_FOUND);
    assert_int_equal(join(w, bob, r), NC_P_NOT_FOUND);
    assert_int_equal(say(w, bob, r, "hi"), NC_P_NOT_FOUND);
    assert_int_equal(history(w, bob, r, (struct nc_page){0}), NC_P_NOT_FOUND);
    assert_int_equal(put_member(w, bob, r, bob, NC_MEMBER), NC_P_FORBIDDEN);
    assert_int_equal(put_member(w, ada, r, bob, NC_MEMBER), NC_P_NONE);
    assert_int_equal(say(w, bob, r, "hi"), NC_P_NONE);
    world_free(w);
}

static void joining_twice_at_once_is_one_membership(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(bob);
    struct ear *ear = ear_open(w, ada, NULL);
    static struct got first;

    (void)state;
    memset(&first, 0, sizeof(first));
    nc_room_join(w->chat, &who, r, on_room_answer, &first);
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    assert_int_equal(first.calls, 1);
    assert_int_equal(first.code, NC_P_NONE);
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    assert_int_equal(ear_count(ear, "\"member.joined\""), 1);
    assert_int_equal(r->members.n, 2);
    ear_close(w, ear);
    world_free(w);
}

static void never_without_an_owner(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);

    (void)state;
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    assert_int_equal(leave(w, ada, r), NC_P_CONFLICT);
    assert_int_equal(put_member(w, ada, r, ada, NC_MEMBER), NC_P_CONFLICT);
    assert_int_equal(put_member(w, ada, r, bob, NC_OWNER), NC_P_NONE);
    assert_int_equal(r->owners, 2);

    /* Both go at once: the second is the last one, and the room goes with them. */
    static struct got first;
    struct nc_actor who = as(ada);
    memset(&first, 0, sizeof(first));
    nc_room_leave(w->chat, &who, r, on_room_answer, &first);
    assert_int_equal(leave(w, bob, r), NC_P_NONE);
    assert_int_equal(first.code, NC_P_NONE);
    assert_null(nc_room_find(w->chat, &r->rec.id));
    world_free(w);
}

static void two_owners_cannot_both_step_down(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_user *cat = person(w, "cat", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(ada);
    static struct got first;

    (void)state;
    memset(&first, 0, sizeof(first));
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    assert_int_equal(join(w, cat, r), NC_P_NONE);
    assert_int_equal(put_member(w, ada, r, bob, NC_OWNER), NC_P_NONE);
    nc_room_put_member(w->chat, &who, r, ada, NC_MEMBER, on_room_answer, &first);
    assert_int_equal(leave(w, bob, r), NC_P_CONFLICT);
    assert_int_equal(first.code, NC_P_NONE);
    assert_int_equal(r->owners, 1);
    world_free(w);
}

static void ranks(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *mod = person(w, "mod", NC_PERSON);
    struct nc_user *mad = person(w, "mad", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor as_mod = as(mod), as_bob = as(bob), as_ada = as(ada);
    struct nc_str topic = NC_STR("cats");
    enum nc_visibility hidden = NC_PRIVATE;
    struct nc_room_patch patch = {.topic = &topic};

    (void)state;
    assert_int_equal(put_member(w, ada, r, mod, NC_MODERATOR), NC_P_NONE);
    assert_int_equal(put_member(w, ada, r, mad, NC_MODERATOR), NC_P_NONE);
    assert_int_equal(join(w, bob, r), NC_P_NONE);

    nc_room_kick(w->chat, &as_bob, r, mod, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_kick(w->chat, &as_mod, r, mad, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_kick(w->chat, &as_mod, r, ada, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_kick(w->chat, &as_mod, r, mod, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_BAD_REQUEST);
    assert_int_equal(put_member(w, mod, r, bob, NC_MODERATOR), NC_P_FORBIDDEN);

    nc_room_update(w->chat, &as_bob, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_update(w->chat, &as_mod, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_true(nc_str_eqz(r->rec.topic, "cats"));
    patch.visibility = &hidden;
    nc_room_update(w->chat, &as_mod, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_update(w->chat, &as_ada, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    nc_room_delete(w->chat, &as_mod, r, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_kick(w->chat, &as_mod, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    nc_room_kick(w->chat, &as_mod, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NOT_FOUND);
    world_free(w);
}

static void a_ban_keeps_out_until_it_ends(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(ada);
    struct ear *ear = ear_open(w, bob, NULL);

    (void)state;
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    nc_room_ban(w->chat, &who, r, bob, nc_wall_ms() + 60000, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_null(nc_room_member(r, bob));
    assert_int_equal(ear_count(ear, "\"banned\""), 1);
    assert_int_equal(join(w, bob, r), NC_P_FORBIDDEN);
    assert_int_equal(put_member(w, ada, r, bob, NC_MEMBER), NC_P_CONFLICT);
    assert_int_equal(history(w, bob, r, (struct nc_page){0}), NC_P_FORBIDDEN);
    nc_wall_bend(61000);
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    nc_wall_bend(0);
    nc_room_ban(w->chat, &who, r, bob, 0, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    nc_room_unban(w->chat, &who, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    nc_room_unban(w->chat, &who, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NOT_FOUND);
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    ear_close(w, ear);
    world_free(w);
}

static struct nc_room *direct(struct world *w, struct nc_user *u, struct nc_user *other,
                              bool *existed)
{
    struct nc_actor who = as(u);
    struct nc_room_new in = {.kind = NC_DIRECT,
                             .members = &other,
                             .members_n = other ? 1 : 0,
                             .existed = existed};

    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    return got.room;
}

static void direct_rooms(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_user *cat = person(w, "cat", NC_PERSON);
    struct nc_actor who = as(ada), other = as(bob);
    struct nc_room_new in = {.kind = NC_DIRECT, .members = &bob, .members_n = 1};
    bool existed;
    static struct got first;

    (void)state;
    /* Both at the same moment. */
    memset(&first, 0, sizeof(first));
    nc_room_create(w->chat, &who, &in, on_room_answer, &first);
    struct nc_room *r = direct(w, bob, ada, &existed);
    assert_true(existed);
    assert_ptr_equal(first.room, r);
    assert_ptr_equal(direct(w, ada, bob, &existed), r);
    assert_true(existed);
    assert_int_equal(r->rec.id.b[6] >> 4, 8);
    assert_int_equal(r->members.n, 2);
    assert_int_equal(say(w, ada, r, "psst"), NC_P_NONE);

    assert_int_equal(put_member(w, ada, r, cat, NC_MEMBER), NC_P_FORBIDDEN);
    nc_room_kick(w->chat, &who, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    nc_room_delete(w->chat, &other, r, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_FORBIDDEN);
    assert_int_equal(leave(w, ada, r), NC_P_CONFLICT);
    assert_int_equal(join(w, cat, r), NC_P_NOT_FOUND);

    struct nc_room *notes = direct(w, ada, NULL, &existed);
    assert_false(existed);
    assert_int_equal(notes->members.n, 1);
    assert_true(notes != r);
    assert_int_equal(say(w, ada, notes, "buy milk"), NC_P_NONE);
    world_free(w);
}

static void personas_come_with_a_room(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON);
    struct nc_user *olga = person(w, "olga", NC_PERSONA);
    struct nc_actor who = as(ada);
    struct nc_room_new in = {
        .kind = NC_ROOM, .name = NC_STR("den"), .personas_given = true};
    struct nc_room_new dialog = {
        .kind = NC_DIALOG, .personas = &olga, .personas_n = 1, .personas_given = true};

    (void)state;
    w->chat->default_persona = olga;
    assert_non_null(nc_room_member(make_room(w, ada, "with", NC_PUBLIC), olga));
    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_null(nc_room_member(got.room, olga));
    assert_int_equal(put_member(w, ada, got.room, olga, NC_OWNER), NC_P_BAD_REQUEST);
    nc_room_create(w->chat, &who, &dialog, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_int_equal(got.room->members.n, 2);
    assert_int_equal(got.room->rec.visibility, NC_PRIVATE);
    /* The last person takes a dialog with them. */
    struct nc_id id = got.room->rec.id;
    assert_int_equal(leave(w, ada, got.room), NC_P_NONE);
    assert_null(nc_room_find(w->chat, &id));
    world_free(w);
}

static void a_full_disk_changes_nothing(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(ada);
    struct nc_str name = NC_STR("other");
    struct nc_room_patch patch = {.name = &name};
    size_t rooms = w->chat->rooms.n;

    (void)state;
    assert_int_equal(join(w, bob, r), NC_P_NONE);
    w->fail = NC_EIO;
    struct nc_room_new in = {.kind = NC_ROOM, .name = NC_STR("x")};
    nc_room_create(w->chat, &who, &in, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_UNAVAILABLE);
    assert_int_equal(w->chat->rooms.n, rooms);
    nc_room_update(w->chat, &who, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_UNAVAILABLE);
    nc_room_kick(w->chat, &who, r, bob, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_UNAVAILABLE);
    assert_int_equal(leave(w, bob, r), NC_P_UNAVAILABLE);
    nc_room_delete(w->chat, &who, r, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_UNAVAILABLE);
    w->fail = NC_OK;
    assert_non_null(nc_room_member(r, bob));
    assert_true(nc_str_eqz(r->rec.name, "den"));
    nc_room_update(w->chat, &who, r, &patch, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_int_equal(leave(w, bob, r), NC_P_NONE);
    world_free(w);
}

static void a_restart_finds_everything_again(void **state)
{
    struct world *w = world_new();
    struct nc_user *ada = person(w, "ada", NC_PERSON), *bob = person(w, "bob", NC_PERSON);
    struct nc_user *cat = person(w, "cat", NC_PERSON);
    struct nc_room *r = make_room(w, ada, "den", NC_PUBLIC);
    struct nc_actor who = as(ada);
    struct nc_id id = r->rec.id, newest;

    (void)state;
    assert_int_equal(put_member(w, ada, r, bob, NC_MODERATOR), NC_P_NONE);
    nc_room_ban(w->chat, &who, r, cat, 0, on_room_answer, begin_call());
    assert_int_equal(end_call(w), NC_P_NONE);
    assert_int_equal(say(w, ada, r, "hi"), NC_P_NONE);
    newest = r->newest;
    nc_chat_free(w->chat);
    world_open_chat(w);
    r = nc_room_find(w->chat, &id);
    bob = nc_user_named(w->chat, NC_STR("bob"));
    cat = nc_user_named(w->chat, NC_STR("cat"));
    assert_int_equal(nc_room_member(r, bob)->rec.role, NC_MODERATOR);
    assert_int_equal(r->owners, 1);
    assert_true(nc_room_banned(r, cat));
    assert_true(nc_id_eq(&r->newest, &newest));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_begins_with_its_owner),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(live_is_what_a_replay_gives),
        cmocka_unit_test(private_rooms_are_not_there_for_others),
        cmocka_unit_test(joining_twice_at_once_is_one_membership),
        cmocka_unit_test(never_without_an_owner),
        cmocka_unit_test(two_owners_cannot_both_step_down),
        cmocka_unit_test(ranks),
        cmocka_unit_test(a_ban_keeps_out_until_it_ends),
        cmocka_unit_test(direct_rooms),
        cmocka_unit_test(personas_come_with_a_room),
        cmocka_unit_test(a_full_disk_changes_nothing),
        cmocka_unit_test(a_restart_finds_everything_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
