/* neuralchatd: settings, then the node, until somebody says stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/manual.h"
#include "config/node.h"
#include "crypto/hash.h"
#include "server/restore.h"
#include "server/server.h"

extern char **environ;

static const char usage[] =
    "Usage: neuralchatd [OPTION]...\n"
    "The NeuralChat node: rooms in which people and AI models talk.";

static int complain(const char *what)
{
    fprintf(stderr, "neuralchatd: %s\n", what);
    return 2;
}

/* What the command line asks for instead of serving; -1: serve. */
static int act(const struct nc_options *o, const struct nc_config *c)
{
    if (c->help)
        nc_manual_help(o, stdout, usage);
    else if (c->version)
        puts("neuralchatd " NC_VERSION);
    else if (c->print_config)
        nc_manual_sample(o, stdout);
    else if (c->print_man)
        nc_manual_roff_flags(o, stdout);
    else if (c->print_man_keys)
        nc_manual_roff_keys(o, stdout);
    else if (c->print_markdown)
        nc_manual_markdown(o, stdout);
    else
        return -1;
    return 0;
}

static int serve(struct nc_options *o, const struct nc_config *c, int argc, char **argv)
{
    struct nc_server s = {
        .options = o, .cfg = c, .argc = argc, .argv = argv, .lock_fd = -1};

    nc_crypto_init();
    nc_log_journal(getenv("JOURNAL_STREAM") != NULL);
    enum nc_err e = nc_server_open(&s);
    if (e == NC_OK)
        nc_loop_run(s.loop);
    nc_server_close(&s);
    nc_log(NC_INFO, "server.stopped", "status=%s", nc_strerr(e));
    /* a reload may have replaced the options this began with */
    void *config = s.options->into;
    nc_options_fini(s.options);
    free(config);
    free(s.options);
    return e == NC_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct nc_options *o = nc_alloc(sizeof(*o));
    struct nc_config *c = nc_alloc(sizeof(*c));
    const char *wrong;
    int status;

    nc_options_init(o, nc_config_table, nc_config_rows, c);
    o->env_others = "NEURALCHAT_CLIENT_";
    if (nc_options_load(o, argc, argv, environ, "config") != NC_OK) {
        status = complain(o->error);
    } else if (o->operands_n) {
        status = complain("takes options only; --help lists them");
    } else if (act(o, c) == 0) {
        status = 0;
    } else if ((wrong = nc_config_conflict(c))) {
        status = complain(wrong);
    } else if (c->check_config) {
        puts("the settings are good");
        status = 0;
    } else if (*c->restore) {
        nc_crypto_init();
        status = nc_restore(c);
    } else {
        return serve(o, c, argc, argv);
    }
    nc_options_fini(o);
    free(c);
    free(o);
    return status;
}
