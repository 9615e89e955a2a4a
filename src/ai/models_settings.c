/* What a provider may be told, checked member by member; kept as one JSON object. */
#include <stdio.h>
#include <string.h>

#include "ai/models_parts.h"
#include "ai/setting.h"
#include "base/utf8.h"
#include "wire/json_in.h"

static enum nc_err refuse(struct nc_problem *why, const char *name, const char *what)
{
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` %s", name, what);
    return NC_EINVAL;
}

/* ---- one kind of member each ---------------------------------------------- */

static enum nc_err check_kind(const json_t *v, const char *name, struct nc_problem *why)
{
    struct nc_str word = nc_json_text(v);

    if (nc_str_eqz(word, "local") || nc_str_eqz(word, "worker")) {
        nc_problem_set(why, NC_P_NOT_IMPLEMENTED,
                       "providers of kind `%.*s` are not there yet", NC_FMT(word));
        return NC_EINVAL;
    }
    if (!nc_provider_kind(word))
        return refuse(why, name, "must be one of openai, ollama, anthropic");
    return NC_OK;
}

static enum nc_err check_url(const json_t *v, const char *name, struct nc_problem *why)
{
    struct nc_str url = nc_json_text(v);
    const char *wrong =
        json_is_string(v) ? nc_provider_url_problem(url) : "it is no string";

    if (!wrong)
        return NC_OK;
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` can't be used: %s", name, wrong);
    return NC_EINVAL;
}

static enum nc_err check_proxy(const json_t *v, const char *name, struct nc_problem *why)
{
    static const char *const schemes[] = {"http://",    "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};
    struct nc_str url = nc_json_text(v), host = {0};

    if (json_is_string(v) && !url.n)
        return NC_OK;
    if (url.n > NC_SOURCE_URL)
        return refuse(why, name, "must be a URL of at most 500 characters");
    for (size_t i = 0; i < NC_COUNT(schemes); i++) {
        struct nc_str scheme = nc_str(schemes[i]);
        if (nc_str_starts(url, scheme))
            host = (struct nc_str){url.p + scheme.n, url.n - scheme.n};
    }
    if (!host.n)
        return refuse(why, name, "must be the URL of an HTTP or SOCKS proxy");
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '@')
            return refuse(why, name, "must not contain credentials");
        if (host.p[i] <= ' ' || host.p[i] > '~')
            return refuse(why, name, "must be the URL of an HTTP or SOCKS proxy");
    }
    return NC_OK;
}

static enum nc_err check_model(const json_t *v, const char *name, struct nc_problem *why)
{
    if (!json_is_string(v))
        return refuse(why, name, "must be a string");
    return nc_setting_model_ok(nc_json_text(v), name, why);
}

static enum nc_err check_models(const json_t *v, const char *name, struct nc_problem *why)
{
    const json_t *each;
    size_t i;

    if (!json_is_array(v) || json_array_size(v) > NC_SOURCE_MODELS)
        return refuse(why, name, "must be a list of at most 500 names of models");
    json_array_foreach(v, i, each)
    {
        if (!json_is_string(each) || !json_string_length(each))
            return refuse(why, name, "must be a list of names of models");
        enum nc_err e = nc_setting_model_ok(nc_json_text(each), name, why);
        if (e != NC_OK)
            return e;
    }
    return NC_OK;
}

static enum nc_err check_flag(const json_t *v, const char *name, struct nc_problem *why)
{
    return json_is_boolean(v) ? NC_OK : refuse(why, name, "must be true or false");
}

static enum nc_err check_number(const json_t *v, const char *name, json_int_t min,
                                json_int_t max, struct nc_problem *why)
{
    if (json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max)
        return NC_OK;
    nc_problem_set(why, NC_P_BAD_REQUEST, "`%s` must be a whole number from %d to %d", name,
                   (int)min, (int)max);
    return NC_EINVAL;
}

static enum nc_err check_seconds(const json_t *v, const char *name, struct nc_problem *why)
{
    return check_number(v, name, 0, 3600, why);
}

static enum nc_err check_places(const json_t *v, const char *name, struct nc_problem *why)
{
    return check_number(v, name, 1, 1000, why);
}

static enum nc_err check_share(const json_t *v, const char *name, struct nc_problem *why)
{
    return check_number(v, name, 0, 1000, why);
}

/* ---- all of them ---------------------------------------------------------- */

/* An empty default: it must be said. */
static const struct member {
    const char *name;
    enum nc_err (*check)(const json_t *v, const char *name, struct nc_problem *why);
    const char *def; /* JSON */
} members[] = {
    {"kind", check_kind, ""},          {"base_url", check_url, ""},
    {"proxy", check_proxy, "\"\""},    {"models", check_models, "[]"},
    {"model", check_model, "\"\""},    {"is_default", check_flag, "false"},
    {"timeout_s", check_seconds, "0"}, {"at_once", check_places, "16"},
    {"per_model", check_share, "0"},
};

static enum nc_err take(const struct member *m, const json_t *in, const json_t *old,
                        json_t *out, struct nc_problem *why)
{
    json_t *v = json_object_get(in, m->name), *copy;

    if (!v)
        v = json_object_get(old, m->name);
    if (v && !json_is_null(v)) {
        enum nc_err e = m->check(v, m->name, why);
        if (e != NC_OK)
            return e;
        copy = json_deep_copy(v);
    } else if (*m->def) {
        copy = json_loads(m->def, JSON_DECODE_ANY, NULL);
    } else {
        return refuse(why, m->name, "is missing");
    }
    json_object_set_new(out, m->name, copy);
    return NC_OK;
}

enum nc_err nc_source_settings(const json_t *in, const json_t *old, json_t **out,
                               struct nc_problem *why)
{
    json_t *all = json_object();

    *out = NULL;
    for (size_t i = 0; i < NC_COUNT(members); i++) {
        enum nc_err e = take(&members[i], in, old, all, why);
        if (e != NC_OK) {
            json_decref(all);
            return e;
        }
    }
    *out = all;
    return NC_OK;
}

const char *nc_setting_text(const json_t *settings, const char *name)
{
    const char *s = json_string_value(json_object_get(settings, name));
    return s ? s : "";
}

unsigned nc_setting_number(const json_t *settings, const char *name)
{
    return (unsigned)json_integer_value(json_object_get(settings, name));
}

bool nc_setting_flag(const json_t *settings, const char *name)
{
    return json_is_true(json_object_get(settings, name));
}

/* ---- what is no setting ---------------------------------------------------- */

enum nc_err nc_source_name_ok(struct nc_str name, struct nc_problem *why)
{
    bool ok = name.n > 0 && name.n < NC_SOURCE_NAME;

    for (size_t i = 0; ok && i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        ok = plain || (i > 0 && (c == '.' || c == '_' || c == '-'));
    }
    return ok ? NC_OK
              : refuse(why, "name",
                       "must be 1 to 32 of a-z, 0-9, `.`, `_`, `-`, beginning with a "
                       "letter or digit");
}

/* One line of visible characters, as it will stand in a header. */
enum nc_err nc_source_key_ok(struct nc_str key, struct nc_problem *why)
{
    bool ok = key.n > 0 && key.n <= NC_SOURCE_KEY;

    for (size_t i = 0; ok && i < key.n; i++)
        ok = key.p[i] > ' ' && key.p[i] <= '~';
    return ok ? NC_OK
              : refuse(why, "api_key",
                       "must be 1 to 1024 visible ASCII characters, without blanks");
}

/* Host and port, so far as that can be told without asking anybody. */
static void server_of(const char *url, char out[300])
{
    const char *host = strstr(url, "://");
    bool secure = strncasecmp(url, "https:", 6) == 0;

    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    const char *bracket = memchr(host, ']', n);
    const char *from = bracket ? bracket : host;
    const char *colon = memchr(from, ':', n - (size_t)(from - host));
    const char *port = colon ? colon + 1 : secure ? "443" : "80";
    size_t port_n = colon ? n - (size_t)(port - host) : strlen(port);
    size_t host_n = colon ? (size_t)(colon - host) : n;
    struct nc_str name = {host, host_n};
    if (nc_str_ieq(name, NC_STR("localhost")) || nc_str_eqz(name, "[::1]"))
        name = NC_STR("127.0.0.1");
    snprintf(out, 300, "%.*s:%.*s", NC_FMT(name), (int)port_n, port);
}

bool nc_source_same_server(const char *a, const char *b)
{
    char x[300], y[300];

    server_of(a, x);
    server_of(b, y);
    return nc_str_ieq(nc_str(x), nc_str(y));
}
