/* client/session: at another node of the mesh, with what one has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/api.h"
#include "client/place.h"
#include "wire/json_in.h"

#define HOME "http://home"
#define AWAY "http://away"

static struct nc_loop *loop;
static struct nc_api api;
static enum nc_err waited;

static int setup(void **state)
{
    char dir[] = "/tmp/nc-guest-XXXXXX";

    (void)state;
    if (!mkdtemp(dir) || setenv("XDG_CONFIG_HOME", dir, 1) || nc_loop_new(&loop) != NC_OK)
        return -1;
    nc_api_init(&api, &(struct nc_api_opts){.loop = loop, .url = HOME});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nc_api_fini(&api);
    nc_loop_free(loop);
    return 0;
}

/* On disk: a login at `url`, whose access token is good for so many seconds. */
static void login(const char *url, const char *token, unsigned seconds)
{
    char *dir = nc_place_server(url), text[400];
    struct nc_tokens t = {0};
    struct nc_problem why;
    json_t *o;

    snprintf(text, sizeof(text),
             "{\"user\":{\"id\":\"01941f29-7c00-7000-8007-1f78cd809e4f\",\"username\":"
             "\"anna\",\"role\":\"member\"},\"access_token\":\"%s\",\"refresh_token\":"
             "\"r\",\"expires_in\":%u}",
             token, seconds);
    assert_int_equal(nc_json_parse(nc_str(text), &o, &why), NC_OK);
    assert_int_equal(nc_tokens_take(&t, o, nc_wall_ms()), NC_OK);
    assert_int_equal(nc_tokens_save(&t, dir, true), NC_OK);
    json_decref(o);
    nc_tokens_fini(&t);
    free(dir);
}

static enum nc_err move(const char *url, bool refused)
{
    return nc_session_move(&api.session, url, HOME, "anna", refused);
}

static void on_waited(struct nc_token_wait *w, enum nc_err e)
{
    (void)w;
    waited = e;
    nc_loop_stop(loop);
}

static enum nc_err wait_for_token(void)
{
    struct nc_token_wait w = {.done = on_waited};

    nc_session_wait(&api.session, &w);
    nc_loop_run(loop);
    return waited;
}

static void a_guest_has_the_token_as_long_as_it_lasts(void **state)
{
    struct nc_session *s = &api.session;

    (void)state;
    login(HOME, "home-token", 900);
    assert_int_equal(nc_session_load(s, NULL), NC_OK);
    assert_int_equal(move(AWAY, false), NC_OK);
    assert_true(s->guest);
    assert_string_equal(s->tokens.access, "home-token");
    assert_int_equal(wait_for_token(), NC_OK);
    s->tokens.expires_ms = nc_wall_ms(); /* no other is asked for: there is none for us */
    assert_int_equal(wait_for_token(), NC_EACCESS);
    assert_false(s->busy);

    /* What ended there has not ended at home. */
    nc_session_drop(s);
    assert_int_equal(move(HOME, false), NC_OK);
    assert_false(s->guest);
    assert_string_equal(s->tokens.access, "home-token");
}

static void one_that_has_ended_is_good_nowhere_else(void **state)
{
    (void)state;
    login(HOME, "home-token", 0);
    assert_int_equal(nc_session_load(&api.session, NULL), NC_OK);
    assert_int_equal(move(AWAY, false), NC_ENOENT);
    assert_false(nc_session_present(&api.session));
    assert_int_equal(move(HOME, false), NC_OK); /* which has another for it */
}

static void who_is_not_let_in_has_none(void **state)
{
    (void)state;
    login(HOME, "home-token", 900);
    assert_int_equal(nc_session_load(&api.session, NULL), NC_OK);
    assert_int_equal(move(AWAY, true), NC_ENOENT);
    assert_int_equal(move(HOME, true), NC_OK);
}

static void a_login_of_there_comes_first(void **state)
{
    (void)state;
    login(HOME, "home-token", 900);
    login(AWAY, "away-token", 900);
    assert_int_equal(nc_session_load(&api.session, NULL), NC_OK);
    assert_int_equal(move(AWAY, false), NC_OK);
    assert_false(api.session.guest);
    assert_string_equal(api.session.tokens.access, "away-token");
    assert_int_equal(move("http://third", false), NC_OK); /* as a guest, with either */
    assert_true(api.session.guest);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_guest_has_the_token_as_long_as_it_lasts),
        T(one_that_has_ended_is_good_nowhere_else),
        T(who_is_not_let_in_has_none),
        T(a_login_of_there_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
