#include "server/models_setup.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crypto/file.h"
#include "crypto/hash.h"
#include "server/server.h"

#define KEY_FILE_MAX 4096

static enum nc_err read_key(struct nc_models_setup *m, const struct nc_config *c)
{
    const char *path = c->ai_key_file;

    if (!*c->ai_base_url || !*path)
        return NC_OK;
    enum nc_err e = nc_file_read(path, KEY_FILE_MAX, &m->key);
    struct nc_str key = nc_str_trim(nc_buf_str(&m->key));
    if (e == NC_OK && !key.n)
        e = NC_EINVAL; /* an empty file is a mistake, not a server without keys */
    if (e != NC_OK) {
        nc_log(NC_ERROR, "ai.key_file", "path=%s error=%s", nc_log_q(nc_str(path)),
               nc_strerr(e));
        return e;
    }
    m->opts.key = nc_str_dup(key);
    return NC_OK;
}

/* A listener of ours at this port of the loopback?  Port 0 is known only later: whoever
 * answers there says that it is NeuralChat, and is not taken. */
static bool is_ours(const struct nc_config *c, struct nc_str url)
{
    const char *slashes = memmem(url.p, url.n, "://", 3);
    struct nc_str rest = {slashes + 3, url.n - (size_t)(slashes + 3 - url.p)};
    struct nc_str host = nc_str_cut(&rest, '/');
    struct nc_addr asked, at;

    if (nc_addr_parse_port(host, &asked) != NC_OK ||
        nc_addr_reach(&asked) != NC_REACH_LOOPBACK)
        return false;
    for (size_t i = 0; i < c->listen.n; i++) {
        if (strncmp(c->listen.v[i], "unix:", 5) == 0 ||
            nc_addr_parse_port(nc_str(c->listen.v[i]), &at) != NC_OK)
            continue;
        unsigned reach = nc_addr_reach(&at);
        if (at.port == asked.port && (reach & (NC_REACH_LOOPBACK | NC_REACH_NONE)))
            return true;
    }
    return false;
}

static void choose_places(struct nc_models_setup *m, const struct nc_config *c)
{
    m->look_at = nc_alloc((c->ai_look_at.n + 1) * sizeof(*m->look_at));
    for (size_t i = 0; i < c->ai_look_at.n; i++) {
        const char *url = c->ai_look_at.v[i];
        if (strcmp(url, "off") == 0) {
            m->opts.look_at_n = 0;
            break;
        }
        if (!is_ours(c, nc_str(url)))
            m->look_at[m->opts.look_at_n++] = url;
    }
    m->opts.look_at = m->look_at;
}

enum nc_err nc_models_setup(struct nc_models_setup *m, const struct nc_server *s)
{
    static const char *const kinds[] = {[NC_CFG_AI_OPENAI] = "openai",
                                        [NC_CFG_AI_OLLAMA] = "ollama",
                                        [NC_CFG_AI_ANTHROPIC] = "anthropic"};
    const struct nc_config *c = s->cfg;
    char path[NC_PATH_MAX];

    *m = (struct nc_models_setup){.node = ""};
    nc_id_text(&s->node_id, m->node);
    m->key_path = nc_str_dup(nc_str(nc_server_path(s, "provider.key", path)));
    m->opts = (struct nc_models_opts){
        .loop = s->loop,
        .http = s->http,
        .node = m->node,
        .key_path = m->key_path,
        .connect_ms = (unsigned)c->ai_connect_timeout,
        .first_byte_ms = (unsigned)c->ai_first_byte_timeout,
        .idle_ms = (unsigned)c->ai_idle_timeout,
        .base_url = c->ai_base_url,
        .kind = kinds[c->ai_kind],
        .model = c->ai_model,
        .key = "",
        .proxy = c->ai_proxy,
    };
    choose_places(m, c);
    return read_key(m, c);
}

void nc_models_setup_fini(struct nc_models_setup *m)
{
    char *key = (char *)(uintptr_t)m->opts.key;

    if (m->key.p)
        nc_wipe(m->key.p, m->key.cap);
    if (*key) { /* else it is no copy */
        nc_wipe(key, strlen(key));
        free(key);
    }
    nc_buf_fini(&m->key);
    free(m->key_path);
    free(m->look_at);
}
