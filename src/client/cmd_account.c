/* register, login, logout, whoami, reset */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"
#include "crypto/hash.h"
#include "wire/json.h"

/* Who is meant: the argument, --user, or whoever is asked. */
static const char *username(struct nc_client *c)
{
    if (c->args_n || *c->cfg->user)
        return c->args_n ? c->args[0] : c->cfg->user;
    if (!c->username) /* one name on all servers, asked for once */
        c->username = nc_client_prompt(nc_word(NC_W_USERNAME));
    if (!c->username)
        nc_client_fail_word(NC_W_USAGE, "login NAME");
    return c->username;
}

static void opt(struct nc_json *j, const char *key, const char *value)
{
    if (*value)
        nc_json_kstr(j, key, nc_str(value));
}

static int come_in(struct nc_client *c, bool is_new)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a = {0};
    int rc = NC_EXIT_FAILED;
    const char *name = username(c);
    char *password = NULL;

    if (!name || !(password = nc_client_password(c, is_new)))
        goto done;
    nc_json_obj(&j);
    nc_json_kstr(&j, "username", nc_str(name));
    nc_json_kstr(&j, "password", nc_str(password));
    if (is_new) {
        opt(&j, "display_name", c->cfg->display_name);
        opt(&j, "invite", c->cfg->invite);
        opt(&j, "owner_code", c->cfg->owner_code);
    }
    nc_json_obj_end(&j);
    nc_api_wait(c->api,
                &(struct nc_api_ask){
                    "POST", is_new ? "/api/v1/auth/register" : "/api/v1/auth/login",
                    nc_buf_str(&b), NC_API_BARE},
                &a);
    if (!nc_answer_ok(&a)) {
        nc_client_fail("%s", a.detail);
    } else if (nc_session_take(&c->api->session, a.body) != NC_OK) {
        nc_client_fail("%s", nc_word(NC_W_BAD_ANSWER));
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        printf(nc_word(is_new ? NC_W_REGISTERED : NC_W_LOGGED_IN),
               c->api->session.tokens.username, c->api->url);
#pragma GCC diagnostic pop
        putchar('\n');
        rc = NC_EXIT_OK;
    }
done:
    if (b.p)
        nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
    nc_answer_fini(&a);
    nc_client_forget(password);
    return rc;
}

int nc_cmd_register(struct nc_client *c) { return come_in(c, true); }
int nc_cmd_login(struct nc_client *c) { return come_in(c, false); }

int nc_cmd_logout(struct nc_client *c)
{
    struct nc_answer a;

    /* A login that the node has ended already is gone just as well. */
    nc_api_wait(c->api, &(struct nc_api_ask){"POST", "/api/v1/auth/logout", {0}, 0}, &a);
    if (!nc_answer_ok(&a) && a.err != NC_EACCESS && a.status != 401) {
        nc_client_fail("%s", a.detail);
        nc_answer_fini(&a);
        return NC_EXIT_FAILED;
    }
    nc_answer_fini(&a);
    nc_session_drop(&c->api->session);
    puts(nc_word(NC_W_LOGGED_OUT));
    return NC_EXIT_OK;
}

int nc_cmd_whoami(struct nc_client *c)
{
    struct nc_answer a;

    if (!nc_client_ask(c, "GET", "/api/v1/me", (struct nc_str){0}, &a))
        return NC_EXIT_FAILED;
    if (!nc_client_printed(c, a.body))
        printf("%s (%s), %s\n", nc_client_cell(a.body, "username"),
               nc_client_cell(a.body, "role"), c->api->url);
    nc_answer_fini(&a);
    return NC_EXIT_OK;
}

int nc_cmd_reset(struct nc_client *c)
{
    char *password = nc_client_password(c, true);
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    struct nc_answer a;
    int rc = NC_EXIT_OK;

    if (!password)
        return NC_EXIT_FAILED;
    nc_json_obj(&j);
    nc_json_kstr(&j, "code", nc_str(c->args[0]));
    nc_json_kstr(&j, "password", nc_str(password));
    nc_json_obj_end(&j);
    nc_api_wait(
        c->api,
        &(struct nc_api_ask){"POST", "/api/v1/auth/reset", nc_buf_str(&b), NC_API_BARE},
        &a);
    if (!nc_answer_ok(&a))
        rc = nc_client_fail("%s", a.detail);
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
    nc_answer_fini(&a);
    nc_client_forget(password);
    return rc;
}
