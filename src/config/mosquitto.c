#include "config/mosquitto.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define PLUGIN "nc_mosquitto.so"

/* What holds for all listeners.  In-flight and queue are those of one client each; nodes
 * have much on the way at once, and a queue of days when they were switched off. */
static const char limits[] = "per_listener_settings false\n"
                             "allow_anonymous false\n"
                             "sys_interval 0\n" /* our plugin shows $SYS to nobody */
                             "log_dest stderr\n"
                             "log_timestamp false\n"
                             "log_type error\n"
                             "log_type warning\n"
                             "log_type notice\n"
                             "log_type information\n"
                             "connection_messages false\n"
                             "set_tcp_nodelay true\n"
                             "max_keepalive 3600\n"
                             "max_inflight_messages 1000\n"
                             "max_queued_messages 100000\n"
                             "max_queued_bytes 67108864\n"
                             "memory_limit 536870912\n"
                             "persistent_client_expiration 30d\n"
                             "persistence true\n"
                             "persistence_file mosquitto.db\n"
                             "autosave_interval 60\n";

static void add_head(struct nc_buf *out, struct nc_str head)
{
    while (head.p) {
        struct nc_str line = nc_str_cut(&head, '\n');
        nc_buf_printf(out, "#%s%.*s\n", line.n ? " " : "", NC_FMT(line));
    }
}

/* A listener of WebSocket keeps to its address only if its family is named, too: without,
 * Mosquitto 2.0 listens everywhere. */
static void add_listener(struct nc_buf *out, const struct nc_mosquitto_listener *l,
                         unsigned connections_max)
{
    nc_buf_printf(out, "\nlistener %u%s%s\n", l->port, l->address ? " " : "",
                  l->address ? l->address : "");
    if (l->websocket)
        nc_buf_adds(out, NC_STR("protocol websockets\n"));
    if (l->family)
        nc_buf_printf(out, "socket_domain ipv%u\n", l->family);
    if (connections_max)
        nc_buf_printf(out, "max_connections %u\n", connections_max);
    if (l->cert)
        nc_buf_printf(out, "certfile %s\nkeyfile %s\ntls_version tlsv1.2\n", l->cert,
                      l->key);
}

void nc_mosquitto_conf_add(struct nc_buf *out, const struct nc_mosquitto_conf *c)
{
    add_head(out, nc_str(c->head));
    nc_buf_adds(out, nc_str(limits));
    /* Over WebSocket Mosquitto 2.0 knows only the second. */
    nc_buf_printf(out, "max_packet_size %u\nmessage_size_limit %u\n",
                  NC_MOSQUITTO_PACKET_MAX, NC_MOSQUITTO_PACKET_MAX);
    nc_buf_printf(out, "persistence_location %s/\n", c->dir);
    if (c->user)
        nc_buf_printf(out, "user %s\n", c->user);
    nc_buf_printf(out,
                  "\nplugin %s\n"
                  "plugin_opt_nodes %s\n"
                  "plugin_opt_state %s/documents\n"
                  "plugin_opt_root %s\n",
                  c->plugin, c->nodes, c->dir, c->root);
    for (size_t i = 0; i < c->listeners_n; i++)
        add_listener(out, &c->listeners[i], c->connections_max);
}

bool nc_mosquitto_path_ok(const char *path)
{
    size_t n = strlen(path);

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
            return false;
    return n > 0 && path[0] == '/' && path[n - 1] != ' ';
}

/* The folder of the running program, "" if the system doesn't tell. */
static void own_folder(char dir[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);

    dir[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
}

char *nc_mosquitto_plugin(const char *wanted, char **tried)
{
    static const char *const beside[] = {"/" PLUGIN, "/../lib/neuralchat/" PLUGIN};
    struct nc_buf all = {0};
    char dir[PATH_MAX], *found = NULL;

    own_folder(dir);
    for (size_t i = 0; i < (*wanted ? 1 : NC_COUNT(beside)) && !found; i++) {
        struct nc_buf path = {0};
        nc_buf_printf(&path, "%s%s", *wanted ? "" : dir, *wanted ? wanted : beside[i]);
        nc_buf_printf(&all, "%s%.*s", i ? ", " : "", NC_FMT(nc_buf_str(&path)));
        nc_buf_addc(&path, '\0');
        char *whole = realpath(path.p, NULL);
        if (whole && access(whole, R_OK) == 0)
            found = whole;
        else
            free(whole);
        nc_buf_fini(&path);
    }
    if (tried)
        *tried = found ? NULL : nc_str_dup(nc_buf_str(&all));
    nc_buf_fini(&all);
    return found;
}
