/* neuralchat: the terminal client and the admin's command line. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "client/client.h"
#include "client/manual.h"
#include "client/place.h"
#include "client/tui.h"
#include "config/manual.h"
#include "crypto/hash.h"

extern char **environ;

/* Widths and curses need a UTF-8 locale; messages stay as the user has them. */
static void set_locale(const struct nc_client_config *cfg)
{
    if (!setlocale(LC_ALL, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    nc_words_russian(cfg->language == NC_CFG_LANG_RU ||
                     (cfg->language == NC_CFG_LANG_AUTO && nc_words_from_environment()));
}

/* The default file is read only if it is there; flags and environment win over it. */
static enum nc_err load(struct nc_options *o, const struct nc_client_config *cfg, int argc,
                        char **argv)
{
    enum nc_err e = nc_options_load(o, argc, argv, environ, "config");
    char *path = e == NC_OK && !*cfg->config ? nc_place_config_file() : NULL;

    if (path && access(path, R_OK) == 0)
        e = nc_options_file(o, path);
    free(path);
    return e;
}

/* The one short flag that scripts use. */
static char **spell_out(int argc, char **argv)
{
    static char verbose[] = "--verbose";
    char **out = nc_alloc(((size_t)argc + 1) * sizeof(char *));
    bool operands = false;

    for (int i = 0; i < argc; i++) {
        operands = operands || strcmp(argv[i], "--") == 0;
        out[i] = !operands && i > 0 && strcmp(argv[i], "-v") == 0 ? verbose : argv[i];
    }
    return out;
}

/* What only prints.  -1: go on. */
static int print_only(const struct nc_options *o, const struct nc_client_config *cfg)
{
    if (cfg->version)
        puts("neuralchat " NC_VERSION);
    else if (cfg->help)
        nc_client_help(o, stdout);
    else if (cfg->print_man)
        nc_client_roff(o, stdout);
    else if (cfg->print_markdown)
        nc_manual_markdown(o, stdout);
    else
        return -1;
    return ferror(stdout) ? NC_EXIT_FAILED : NC_EXIT_OK;
}

/* ---- one command ---------------------------------------------------------- */

static bool set_by_hand(const struct nc_options *o, const char *key)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->table[i].key, key) == 0)
            return o->from[i] > 0;
    return false;
}

/* The node's socket unless a server was named: no token, and a lost password is no matter.
 */
static char *admin_socket(const struct nc_options *o, const struct nc_client_config *cfg)
{
    struct stat st;
    bool by_data = *cfg->data != '\0';
    char *path;

    if (!by_data && set_by_hand(o, "server"))
        return NULL;
    path = nc_place_join(by_data ? cfg->data : "data", NC_STR("admin.sock"), "");
    if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        return path;
    nc_client_fail_word(NC_W_NO_SOCKET, path);
    free(path);
    return NULL;
}

/* The same one twice is one; a trailing slash makes no other. */
static void drop_doubles(struct nc_strings *servers)
{
    size_t kept = 0;

    for (size_t i = 0; i < servers->n; i++) {
        size_t n = strlen(servers->v[i]), k = 0;
        while (n > 0 && servers->v[i][n - 1] == '/')
            n--;
        while (k < kept && (strncmp(servers->v[k], servers->v[i], n) != 0 ||
                            strspn(servers->v[k] + n, "/") != strlen(servers->v[k] + n)))
            k++;
        if (k == kept)
            servers->v[kept++] = servers->v[i];
    }
    servers->n = kept;
}

/* All of them; without those where nobody is logged in, if the command needs that: they
 * are told of, and it goes on with the others. */
static bool open_servers(struct nc_client *c, const struct nc_client_command *cmd,
                         const char *socket)
{
    const struct nc_strings *servers = &c->cfg->servers;
    size_t n = socket ? 1 : servers->n;

    for (size_t i = 0; i < n; i++) {
        struct nc_api *api = nc_alloc(sizeof *api);
        nc_api_init(api, &(struct nc_api_opts){.loop = c->loop,
                                               .url = servers->v[i],
                                               .ca_file = c->cfg->ca_file,
                                               .unix_socket = socket,
                                               .total_ms = (unsigned)c->cfg->timeout,
                                               .named = n > 1});
        if ((cmd->who & NC_FOR_MASK) != NC_FOR_ANYBODY && !api->unix_socket &&
            nc_session_load(&api->session, c->cfg->user) != NC_OK) {
            nc_client_fail_word(NC_W_NOT_LOGGED_IN, api->url);
            nc_api_fini(api);
            free(api);
        } else {
            c->apis[c->apis_n++] = api;
        }
    }
    c->api = c->apis[0];
    return c->apis_n > 0;
}

static void close_servers(struct nc_client *c)
{
    for (size_t i = 0; i < c->apis_n; i++) {
        nc_api_fini(c->apis[i]);
        free(c->apis[i]);
    }
    c->apis_n = 0;
    free(c->username);
}

/* The first that answers at all. */
static bool find_one(struct nc_client *c)
{
    for (size_t i = 0; i < c->apis_n; i++) {
        struct nc_answer a;
        nc_api_wait(c->apis[i], &(struct nc_api_ask){"GET", "/healthz", {0}, NC_API_BARE},
                    &a);
        bool reached = a.err == NC_OK;
        if (!reached)
            nc_client_fail("%s", a.detail);
        nc_answer_fini(&a);
        c->api = c->apis[i];
        if (reached)
            return true;
    }
    return false;
}

static int run_at(struct nc_client *c, const struct nc_client_command *cmd)
{
    int rc = NC_EXIT_OK;

    if (c->apis_n == 1 || (cmd->who & NC_AT_ALL))
        return cmd->run(c);
    if (!(cmd->who & NC_AT_EACH))
        return find_one(c) ? cmd->run(c) : NC_EXIT_FAILED;
    for (size_t i = 0; i < c->apis_n; i++) {
        c->api = c->apis[i];
        int one = cmd->run(c);
        rc = one > rc ? one : rc;
    }
    return rc;
}

static int run_command(const struct nc_options *o, struct nc_client *c)
{
    size_t used;
    const struct nc_client_command *cmd =
        nc_client_command_find(o->operands, o->operands_n, &used);
    char *socket = NULL;
    int rc = NC_EXIT_FAILED;

    if (!cmd) {
        nc_client_fail_word(NC_W_NO_COMMAND, o->operands[0]);
        return NC_EXIT_USAGE;
    }
    c->args = o->operands + used;
    c->args_n = o->operands_n - used;
    if (c->args_n < cmd->min || c->args_n > cmd->max) {
        struct nc_buf usage = {0};
        nc_buf_printf(&usage, "%s %s", cmd->name, cmd->args);
        nc_buf_addc(&usage, '\0');
        nc_client_fail_word(NC_W_USAGE, usage.p);
        nc_buf_fini(&usage);
        return NC_EXIT_USAGE;
    }
    if ((cmd->who & NC_FOR_MASK) == NC_FOR_ADMIN) {
        socket = admin_socket(o, c->cfg);
        if (!socket && (*c->cfg->data || !set_by_hand(o, "server")))
            return NC_EXIT_FAILED;
        if (!socket && c->cfg->servers.n > 1) {
            nc_client_fail("%s", nc_word(NC_W_ONE_SERVER));
            return NC_EXIT_USAGE;
        }
    }
    if (open_servers(c, cmd, socket))
        rc = run_at(c, cmd);
    free(socket);
    if (fflush(stdout) != 0 && rc == NC_EXIT_OK)
        rc = NC_EXIT_FAILED;
    close_servers(c);
    return rc;
}

int main(int argc, char **argv)
{
    struct nc_client_config cfg = {0};
    struct nc_options o;
    struct nc_client c = {.cfg = &cfg};
    char **args = spell_out(argc, argv);
    int rc;

    nc_options_init(&o, nc_client_config_table, nc_client_config_rows, &cfg);
    o.env_prefix = "NEURALCHAT_CLIENT_";
    o.program = "neuralchat";
    enum nc_err e = load(&o, &cfg, argc, args);
    set_locale(&cfg);
    nc_log_level(cfg.verbose ? NC_WARN : NC_ERROR);
    drop_doubles(&cfg.servers);
    if (e != NC_OK) {
        nc_client_fail("%s", o.error);
        rc = NC_EXIT_USAGE;
    } else if (!cfg.servers.n || cfg.servers.n > NC_MODEL_SERVERS) {
        nc_client_fail("%s", nc_word(NC_W_SERVERS_COUNT));
        rc = NC_EXIT_USAGE;
    } else if ((rc = print_only(&o, &cfg)) < 0) {
        nc_crypto_init();
        if (nc_loop_new(&c.loop) != NC_OK) {
            rc = NC_EXIT_FAILED;
        } else {
            rc = o.operands_n ? run_command(&o, &c) : nc_tui_run(&c);
            nc_loop_free(c.loop);
        }
    }
    nc_options_fini(&o);
    free(args);
    return rc;
}
