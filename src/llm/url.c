/* What a provider's base URL may be. */
#include "llm/provider.h"
#include "net/addr.h"

#include <string.h>

#define URL_MAX 500

static bool has(struct nc_str s, char c) { return s.n && memchr(s.p, c, s.n); }

static bool visible(struct nc_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] <= ' ' || s.p[i] == 0x7F || strchr("\"<>\\^`{|}", s.p[i]))
            return false;
    return true;
}

static const char *address_problem(struct nc_str host)
{
    struct nc_addr a;
    struct nc_str literal = host;

    if (host.p[0] == '[') {
        literal = (struct nc_str){host.p + 1, host.n - 1};
        if (host.p[host.n - 1] != ']')
            return "its address lacks the closing bracket";
        literal.n--;
        if (has(literal, '%')) /* a zone is of a link-local address only */
            literal = nc_str_cut(&literal, '%');
        if (nc_addr_parse(literal, &a) != NC_OK || a.kind == NC_ADDR_UNIX)
            return "its address is none";
    } else if (nc_addr_parse(literal, &a) != NC_OK) {
        return NULL; /* a name */
    }
    switch (nc_addr_reach(&a)) {
    case NC_REACH_LINK_LOCAL: return "link-local addresses are never connected to";
    case NC_REACH_NONE: return "nobody can be connected to at that address";
    case NC_REACH_LOOPBACK:
    case NC_REACH_PRIVATE:
    case NC_REACH_PUBLIC: break;
    }
    return NULL;
}

static const char *host_problem(struct nc_str authority)
{
    struct nc_str host = authority, port = {0};
    uint64_t n;

    if (has(authority, '@'))
        return "it has a user name or password in it; give the key apart";
    const char *bracket =
        has(authority, ']') ? memchr(authority.p, ']', authority.n) : NULL;
    if (authority.n && authority.p[0] == '[' && !bracket)
        return "its address lacks the closing bracket";
    size_t from = bracket ? (size_t)(bracket - authority.p) : 0;
    for (size_t i = from; i < authority.n; i++)
        if (authority.p[i] == ':') {
            host.n = i;
            port = (struct nc_str){authority.p + i + 1, authority.n - i - 1};
            if (nc_str_u64(port, 65535, &n) != NC_OK || n == 0)
                return "its port is no number from 1 to 65535";
            break;
        }
    if (host.n == 0)
        return "it names no host";
    return address_problem(host);
}

const char *nc_provider_url_problem(struct nc_str base_url)
{
    static const struct nc_str schemes[] = {NC_STR("http://"), NC_STR("https://")};
    struct nc_str rest = {0};

    if (base_url.n == 0)
        return "it is empty";
    if (base_url.n > URL_MAX)
        return "it is longer than 500 bytes";
    if (!visible(base_url))
        return "it has a character that no URL has";
    for (size_t i = 0; i < NC_COUNT(schemes); i++) {
        struct nc_str s = schemes[i];
        if (base_url.n >= s.n && nc_str_ieq((struct nc_str){base_url.p, s.n}, s))
            rest = (struct nc_str){base_url.p + s.n, base_url.n - s.n};
    }
    if (!rest.p)
        return "it begins neither with http:// nor with https://";
    if (has(rest, '?'))
        return "it has a query (\"?\u2026\") in it";
    if (has(rest, '#'))
        return "it has a fragment (\"#\u2026\") in it";
    return host_problem(nc_str_cut(&rest, '/'));
}
