/* admin broker-config DIR: a folder with all that a Mosquitto on another machine needs. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client.h"
#include "client/commands.h"
#include "client/place.h"
#include "config/mosquitto.h"
#include "crypto/file.h"
#include "crypto/selfsigned.h"
#include "net/addr.h"
#include "wire/json.h"

enum { PLUGIN_MAX = 64 << 20, CONNECTIONS_MAX = 10000 };

#define CONF "mosquitto.conf"
#define NODES "nodes.json"
#define PLUGIN "nc_mosquitto.so"
#define CERT "tls-cert.pem"
#define KEY "tls-key.pem"
#define README "README.txt"

struct folder {
    const struct nc_client_config *cfg;
    const char *dir;
    char *place; /* its path on the broker's machine */
    struct nc_mosquitto_listener listeners[2];
    char addresses[2][NC_ADDR_TEXT];
    unsigned listeners_n;
    char *cert, *key, *plugin; /* paths on the broker's machine */
    struct nc_answer node;     /* what the node said */
};

static char *path_in(const char *dir, const char *name)
{
    return nc_place_join(dir, nc_str(name), "");
}

/* ---- what was asked for ---------------------------------------------------- */

static bool add_listener(struct folder *f, const char *where, bool websocket)
{
    static const uint8_t any[16];
    struct nc_mosquitto_listener *l = &f->listeners[f->listeners_n];
    struct nc_addr at;

    if (nc_addr_parse_port(nc_str(where), &at) != NC_OK || !at.port) {
        nc_client_fail_word(NC_W_BAD_ADDRESS, where);
        return false;
    }
    bool v6 = at.kind == NC_ADDR_V6;
    *l = (struct nc_mosquitto_listener){.family = v6 ? 6 : 4,
                                        .port = at.port,
                                        .websocket = websocket,
                                        .cert = f->cert,
                                        .key = f->key};
    if (memcmp(at.ip, any, v6 ? 16 : 4) != 0)
        l->address = nc_addr_text(&at, f->addresses[f->listeners_n]);
    else if (v6)
        l->family = 0; /* the v6 one takes v4, too */
    f->listeners_n++;
    return true;
}

static bool set_paths(struct folder *f)
{
    const struct nc_client_config *c = f->cfg;
    char *here = *c->place ? NULL : realpath(f->dir, NULL);

    f->place = nc_str_dup(nc_str(here ? here : c->place));
    free(here);
    f->cert = *c->tls_cert ? nc_str_dup(nc_str(c->tls_cert)) : path_in(f->place, CERT);
    f->key = *c->tls_key ? nc_str_dup(nc_str(c->tls_key)) : path_in(f->place, KEY);
    f->plugin = *c->plugin ? nc_str_dup(nc_str(c->plugin)) : path_in(f->place, PLUGIN);

    const char *const paths[] = {f->place, f->cert, f->key, f->plugin};
    for (size_t i = 0; i < NC_COUNT(paths); i++)
        if (!nc_mosquitto_path_ok(paths[i])) {
            nc_client_fail_word(NC_W_BAD_PLACE, paths[i]);
            return false;
        }
    return true;
}

/* The folder is new or empty: what is there is never written over. */
static bool make_dir(const char *dir)
{
    DIR *d = NULL;
    bool empty = true;

    if (mkdir(dir, 0700) == 0)
        return true;
    if (errno == EEXIST)
        d = opendir(dir);
    if (!d) {
        nc_client_fail("%s: %s", dir, strerror(errno));
        return false;
    }
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    if (!empty)
        nc_client_fail_word(NC_W_NOT_EMPTY, dir);
    return empty;
}

/* ---- its files ------------------------------------------------------------- */

static bool save(const struct folder *f, const char *name, struct nc_str content)
{
    char *path = path_in(f->dir, name);
    bool ok = nc_file_replace(path, content) == NC_OK;

    if (ok)
        puts(path);
    free(path);
    return ok;
}

static bool save_plugin(const struct folder *f)
{
    struct nc_buf bytes = {0};
    char *tried = NULL, *from;

    if (*f->cfg->plugin)
        return true; /* it is there already, they say */
    if (!(from = nc_mosquitto_plugin("", &tried)))
        nc_client_fail_word(NC_W_NO_PLUGIN, tried);
    bool ok = from && nc_file_read(from, PLUGIN_MAX, &bytes) == NC_OK &&
              save(f, PLUGIN, nc_buf_str(&bytes));
    nc_buf_fini(&bytes);
    free(from);
    free(tried);
    return ok;
}

static bool save_certificate(const struct folder *f)
{
    const struct nc_strings *hosts = &f->cfg->host;

    if (*f->cfg->tls_cert)
        return true;
    char *cert = path_in(f->dir, CERT), *key = path_in(f->dir, KEY);
    enum nc_err e = nc_selfsigned_make(cert, key, hosts->v, hosts->n);
    if (e == NC_OK)
        printf("%s\n%s\n", cert, key);
    else if (e == NC_EINVAL)
        nc_client_fail_word(NC_W_BAD_HOST, hosts->v[0]);
    free(cert);
    free(key);
    return e == NC_OK;
}

static bool save_conf(const struct folder *f)
{
    char *nodes = path_in(f->place, NODES);
    struct nc_buf text = {0}, pinned = {0};
    struct nc_json j = nc_json_to(&pinned);

    nc_json_obj(&j);
    nc_json_key(&j, "nodes");
    nc_json_value(&j, json_object_get(f->node.body, "nodes"));
    nc_json_obj_end(&j);
    nc_mosquitto_conf_add(
        &text, &(struct nc_mosquitto_conf){
                   .head = "A Mosquitto for NeuralChat; README.txt says how it is started.",
                   .dir = f->place,
                   .plugin = f->plugin,
                   .nodes = nodes,
                   .root = json_string_value(json_object_get(f->node.body, "root")),
                   .connections_max = CONNECTIONS_MAX,
                   .listeners = f->listeners,
                   .listeners_n = f->listeners_n,
               });
    bool ok = save(f, NODES, nc_buf_str(&pinned)) && save(f, CONF, nc_buf_str(&text));
    nc_buf_fini(&text);
    nc_buf_fini(&pinned);
    free(nodes);
    return ok;
}

static bool save_readme(const struct folder *f)
{
    const char *host = f->cfg->host.v[0];
    bool v6 = strchr(host, ':') != NULL;
    struct nc_buf text = {0};

    nc_buf_printf(&text,
                  "A Mosquitto broker for NeuralChat\n\n"
                  "1. On the broker's machine (Debian 12 or newer):\n\n"
                  "     apt install mosquitto libjansson4 libsodium23\n\n"
                  "   Copy this folder to %s.  When root starts the broker, it\n"
                  "   becomes the user mosquitto, who must own the folder:\n\n"
                  "     chown -R mosquitto: %s\n\n"
                  "2. Start it:\n\n"
                  "     mosquitto -c %s/" CONF "\n\n"
                  "3. In the settings of each node:\n\n"
                  "     brokers = mqtts://%s%s%s:%u\n",
                  f->place, f->place, f->place, v6 ? "[" : "", host, v6 ? "]" : "",
                  f->listeners[0].port);
    if (!*f->cfg->tls_cert)
        nc_buf_adds(&text, NC_STR("     broker_ca = a copy of " CERT "\n"));
    nc_buf_printf(&text,
                  "\nPeople log in with their user name and, as the password, an API key\n"
                  "(nck_...) of the scope mqtt, or an access token.\n\n" NODES
                  " has the nodes that are trusted; after a change:\n\n"
                  "     kill -HUP the broker's process\n");
    bool ok = save(f, README, nc_buf_str(&text));
    nc_buf_fini(&text);
    return ok;
}

/* A half-written folder would only be in the way of the next try. */
static void clear(const struct folder *f)
{
    static const char *const names[] = {CONF, NODES, PLUGIN, CERT, KEY, README};

    for (size_t i = 0; i < NC_COUNT(names); i++) {
        char *path = path_in(f->dir, names[i]);
        (void)unlink(path);
        free(path);
    }
    (void)rmdir(f->dir);
}

static bool write_folder(struct folder *f)
{
    const struct nc_client_config *c = f->cfg;

    if (!make_dir(f->dir))
        return false;
    bool ok = set_paths(f) && add_listener(f, c->listen, false) &&
              (strcmp(c->ws_listen, "off") == 0 || add_listener(f, c->ws_listen, true)) &&
              save_plugin(f) && save_certificate(f) && save_conf(f) && save_readme(f);
    if (!ok)
        clear(f);
    return ok;
}

int nc_cmd_broker_config(struct nc_client *c)
{
    struct folder f = {.cfg = c->cfg, .dir = c->args[0]};

    if (!c->cfg->host.n) {
        nc_client_fail("%s", nc_word(NC_W_HOST_NEEDED));
        return NC_EXIT_USAGE;
    }
    if (!*c->cfg->tls_cert != !*c->cfg->tls_key) {
        nc_client_fail("%s", nc_word(NC_W_CERT_AND_KEY));
        return NC_EXIT_USAGE;
    }
    if (!nc_client_ask(c, "GET", "/api/v1/admin/broker", (struct nc_str){0}, &f.node))
        return NC_EXIT_FAILED;
    bool ok = write_folder(&f);
    nc_answer_fini(&f.node);
    free(f.place);
    free(f.cert);
    free(f.key);
    free(f.plugin);
    return ok ? NC_EXIT_OK : NC_EXIT_FAILED;
}
