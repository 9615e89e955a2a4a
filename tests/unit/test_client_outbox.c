/* client/outbox, client/tokens, client/place, the pauses of client/live */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/live.h"
#include "client/outbox.h"
#include "client/place.h"
#include "client/tokens.h"

static char dir[] = "/tmp/nc-client-XXXXXX";
static char here, there; /* two servers */

static struct nc_outbox_item *add(struct nc_outbox *o, const struct nc_id *room,
                                  const char *text)
{
    struct nc_outbox_item *it;

    assert_int_equal(nc_outbox_add(o, room, NULL, nc_str(text), &it), NC_OK);
    return it;
}

static struct nc_outbox_item *due(struct nc_outbox *o, uint64_t now)
{
    uint64_t wait;
    return nc_outbox_due(o, now, &wait, NULL, NULL);
}

static void test_one_at_a_time_in_a_room(void **state)
{
    struct nc_id room = nc_id_random(), other = nc_id_random();
    struct nc_outbox o;
    uint64_t wait;

    (void)state;
    assert_int_equal(nc_outbox_open(&o, NULL), NC_OK);
    struct nc_outbox_item *a = add(&o, &room, "a"), *b = add(&o, &room, "b"),
                          *c = add(&o, &other, "c");
    assert_ptr_equal(due(&o, 1000), a);
    nc_outbox_sent(a, &here);
    assert_ptr_equal(due(&o, 1000), c);
    nc_outbox_sent(c, &here);
    assert_null(due(&o, 1000));
    nc_outbox_drop(&o, a);
    assert_ptr_equal(due(&o, 1000), b);
    nc_outbox_sent(b, &here);
    nc_outbox_again(b, 1000, 3000); /* rate limited: nobody overtakes it */
    assert_null(nc_outbox_due(&o, 1000, &wait, NULL, NULL));
    assert_int_equal(wait, 3000);
    assert_ptr_equal(due(&o, 4000), b);
    nc_outbox_sent(b, &here);
    nc_outbox_offline(&o, &here);
    assert_ptr_equal(due(&o, 4000), b);
    nc_outbox_refused(b, NC_STR("not here"));
    assert_string_equal(b->why, "not here");
    struct nc_outbox_item *d = add(&o, &room, "d");
    assert_ptr_equal(due(&o, 4000), c);
    nc_outbox_drop(&o, c);
    assert_ptr_equal(due(&o, 4000), d); /* what will never arrive holds nobody up */
    nc_outbox_close(&o);
}

/* Who takes what is about one room; the other room has nobody now. */
static void *only_there(void *arg, const struct nc_outbox_item *it)
{
    return nc_id_eq(&it->room, arg) ? &there : NULL;
}

static void test_what_one_server_lost_another_gets(void **state)
{
    struct nc_id room = nc_id_random(), other = nc_id_random();
    struct nc_outbox o;
    uint64_t wait;

    (void)state;
    assert_int_equal(nc_outbox_open(&o, NULL), NC_OK);
    struct nc_outbox_item *c = add(&o, &other, "c"), *a = add(&o, &room, "a");
    assert_ptr_equal(nc_outbox_due(&o, 0, &wait, only_there, &room), a);
    nc_outbox_sent(a, &here);
    nc_outbox_offline(&o, &there); /* not where it is on its way to */
    assert_null(nc_outbox_due(&o, 0, &wait, only_there, &room));
    nc_outbox_offline(&o, &here);
    assert_ptr_equal(nc_outbox_due(&o, 0, &wait, only_there, &room), a);
    struct nc_id once = a->client_id;
    nc_outbox_sent(a, &there);
    assert_ptr_equal(nc_outbox_find(&o, &once), a);
    assert_int_equal(c->state, NC_OUT_WAITING);
    nc_outbox_close(&o);
}

static void test_survives_a_restart_in_order(void **state)
{
    struct nc_id room = nc_id_random(), reply = nc_id_random(), first;
    struct nc_outbox o;
    struct nc_outbox_item *it;
    char *box = nc_place_join(dir, NC_STR("deep/er/outbox"), "");

    (void)state;
    assert_int_equal(nc_outbox_open(&o, box), NC_OK);
    first = add(&o, &room, "first \"line\"\nsecond")->client_id;
    for (int i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(nc_outbox_add(&o, &room, &reply, nc_str(text), &it), NC_OK);
    }
    nc_outbox_sent(due(&o, 0), &here);
    nc_outbox_close(&o); /* as a kill would leave it */
    assert_int_equal(nc_outbox_open(&o, box), NC_OK);
    it = due(&o, 0);
    assert_non_null(it);
    assert_true(nc_id_eq(&it->client_id, &first));
    assert_string_equal(it->text, "first \"line\"\nsecond");
    assert_true(nc_id_zero(&it->reply_to));
    nc_outbox_drop(&o, it);
    for (int i = 0; i < 20; i++) {
        it = due(&o, 0);
        assert_non_null(it);
        assert_int_equal(atoi(it->text), i);
        assert_true(nc_id_eq(&it->reply_to, &reply));
        nc_outbox_drop(&o, it);
    }
    nc_outbox_close(&o);
    assert_int_equal(nc_outbox_open(&o, box), NC_OK);
    assert_null(due(&o, 0));
    nc_outbox_close(&o);
    free(box);
}

static void test_clock_that_goes_back_keeps_order(void **state)
{
    struct nc_id room = nc_id_random();
    struct nc_outbox o;

    (void)state;
    assert_int_equal(nc_outbox_open(&o, NULL), NC_OK);
    struct nc_id a = add(&o, &room, "a")->client_id;
    nc_wall_bend(-3600000);
    struct nc_id b = add(&o, &room, "b")->client_id;
    nc_wall_bend(0);
    assert_true(nc_id_cmp(&a, &b) < 0);
    nc_outbox_close(&o);
}

static void test_unreadable_file_is_left_alone(void **state)
{
    char *box = nc_place_join(dir, NC_STR("broken"), "");
    struct nc_id id = nc_id_random();
    char name[NC_ID_TEXT];
    struct nc_outbox o;

    (void)state;
    assert_int_equal(nc_place_make(box), NC_OK);
    nc_id_text(&id, name);
    char *path = nc_place_join(box, (struct nc_str){name, sizeof name}, ".json");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"room\":", f);
    fclose(f);
    assert_int_equal(nc_outbox_open(&o, box), NC_OK);
    assert_null(due(&o, 0));
    nc_outbox_close(&o);
    assert_int_equal(access(path, R_OK), 0);
    free(path);
    free(box);
}

static json_t *login(const char *name, const char *access_token)
{
    return json_pack("{s:{s:s, s:s, s:s}, s:s, s:s, s:i}", "user", "id",
                     "01890000-0000-7000-8000-000000000001", "username", name, "role",
                     "member", "access_token", access_token, "refresh_token", "r",
                     "expires_in", 900);
}

static void test_tokens(void **state)
{
    struct nc_tokens t = {0}, u = {0};
    char *place = nc_place_join(dir, NC_STR("servers/x"), "");
    json_t *a = login("olga", "one"), *b = login("../evil", "two");
    struct stat st;
    int first, second;

    (void)state;
    assert_int_equal(nc_tokens_load(&t, place, NULL), NC_ENOENT);
    assert_int_equal(nc_tokens_take(&t, b, 0), NC_EINVAL);
    assert_int_equal(nc_tokens_take(&t, a, 1000000), NC_OK);
    assert_int_equal(t.expires_ms, 1900000);
    assert_true(nc_tokens_fresh(&t, 1000000));
    assert_false(nc_tokens_fresh(&t, 1850000));
    assert_int_equal(nc_tokens_save(&t, place, true), NC_OK);
    assert_int_equal(nc_tokens_load(&u, place, NULL), NC_OK);
    assert_string_equal(u.username, "olga");
    assert_string_equal(u.access, "one");
    assert_int_equal(u.expires_ms, 1900000);
    char *path = nc_place_join(place, NC_STR("olga"), ".json");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);

    assert_int_equal(nc_tokens_lock(&first, place, "olga"), NC_OK);
    assert_int_equal(nc_tokens_lock(&second, place, "olga"), NC_AGAIN);
    close(first);
    assert_int_equal(nc_tokens_lock(&second, place, "olga"), NC_OK);
    close(second);

    nc_tokens_erase(place, "olga");
    assert_int_equal(nc_tokens_load(&u, place, NULL), NC_ENOENT);
    nc_tokens_fini(&t);
    nc_tokens_fini(&u);
    json_decref(a);
    json_decref(b);
    free(place);
}

static void test_places(void **state)
{
    (void)state;
    setenv("XDG_CONFIG_HOME", "/c", 1);
    setenv("XDG_STATE_HOME", "/s", 1);
    char *a = nc_place_server("https://Chat.example:8443/nc/"),
         *b = nc_place_outbox("http://127.0.0.1:8080", "olga");
    assert_string_equal(a, "/c/neuralchat/servers/https,chat.example:8443%2fnc");
    assert_string_equal(b, "/s/neuralchat/outbox/http,127.0.0.1:8080/olga");
    free(a);
    free(b);
}

static void test_pauses_grow_and_differ(void **state)
{
    uint64_t least = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t low = nc_live_backoff_ms(i, 0),
                 high = nc_live_backoff_ms(i, (uint32_t)low);
        assert_true(low >= least && low <= high && high <= 30000);
        least = low;
    }
    assert_int_equal(nc_live_backoff_ms(0, 0), 250);
    assert_int_equal(nc_live_backoff_ms(100, 0), 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time_in_a_room),
        cmocka_unit_test(test_what_one_server_lost_another_gets),
        cmocka_unit_test(test_survives_a_restart_in_order),
        cmocka_unit_test(test_clock_that_goes_back_keeps_order),
        cmocka_unit_test(test_unreadable_file_is_left_alone),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_pauses_grow_and_differ),
    };

    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
