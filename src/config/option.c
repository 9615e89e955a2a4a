#include "config/option.h"

#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG };

#define FILE_MAX (1u << 20)
#define LIST_MAX 256

static enum nc_err fail(struct nc_options *o, const char *fmt, ...) NC_PRINTF(2, 3);
static enum nc_err fail(struct nc_options *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(o->error, sizeof(o->error), fmt, ap);
    va_end(ap);
    return NC_EINVAL;
}

/* ---- one value ------------------------------------------------------------ */

struct unit {
    const char *name;
    uint64_t times;
};

static const struct unit sizes[] = {
    {"", 1}, {"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};
static const struct unit durations[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {"", 1000}};

static bool number(struct nc_str s, const struct unit *units, size_t units_n, uint64_t *out)
{
    size_t digits = 0;
    uint64_t v;

    while (digits < s.n && isdigit((unsigned char)s.p[digits]))
        digits++;
    if (nc_str_u64((struct nc_str){s.p, digits}, UINT64_MAX, &v) != NC_OK)
        return false;
    struct nc_str unit = nc_str_trim((struct nc_str){s.p + digits, s.n - digits});
    for (size_t i = 0; i < units_n; i++)
        if (nc_str_eqz(unit, units[i].name))
            return !__builtin_mul_overflow(v, units[i].times, out);
    return false;
}

static void bounds(const struct nc_option *opt, char *out, size_t n)
{
    if (opt->max)
        snprintf(out, n, "%llu to %llu", (unsigned long long)opt->min,
                 (unsigned long long)opt->max);
    else
        snprintf(out, n, "at least %llu", (unsigned long long)opt->min);
}

static enum nc_err set_number(struct nc_options *o, const struct nc_option *opt,
                              struct nc_str value, const char *where)
{
    uint64_t v;
    bool ok = opt->kind == NC_OPT_SIZE ? number(value, sizes, NC_COUNT(sizes), &v)
              : opt->kind == NC_OPT_DURATION
                  ? number(value, durations, NC_COUNT(durations), &v)
                  : nc_str_u64(value, UINT64_MAX, &v) == NC_OK;
    static const char *const expected[] = {
        [NC_OPT_UINT] = "a number",
        [NC_OPT_SIZE] = "a size such as 64KiB",
        [NC_OPT_DURATION] = "a time such as 10s or 5min",
    };
    if (!ok)
        return fail(o, "%s: `%s` must be %s, not `%.*s`", where, opt->key,
                    expected[opt->kind], NC_FMT(value));
    if (v < opt->min || (opt->max && v > opt->max)) {
        char range[64];
        bounds(opt, range, sizeof(range));
        return fail(o, "%s: `%s` must be %s, not `%.*s`", where, opt->key, range,
                    NC_FMT(value));
    }
    memcpy((char *)o->into + opt->at, &v, sizeof(v));
    return NC_OK;
}

static enum nc_err set_bool(struct nc_options *o, const struct nc_option *opt,
                            struct nc_str value, const char *where)
{
    static const char *const yes[] = {"on", "true", "yes", "1"};
    static const char *const no[] = {"off", "false", "no", "0"};

    for (size_t i = 0; i < NC_COUNT(yes); i++) {
        bool on = nc_str_eqz(value, yes[i]);
        if (on || nc_str_eqz(value, no[i])) {
            memcpy((char *)o->into + opt->at, &on, sizeof(on));
            return NC_OK;
        }
    }
    return fail(o, "%s: `%s` must be on or off, not `%.*s`", where, opt->key,
                NC_FMT(value));
}

static enum nc_err set_choice(struct nc_options *o, const struct nc_option *opt,
                              struct nc_str value, const char *where)
{
    char all[128] = "";

    for (int i = 0; opt->choices[i]; i++) {
        if (nc_str_eqz(value, opt->choices[i])) {
            memcpy((char *)o->into + opt->at, &i, sizeof(i));
            return NC_OK;
        }
        size_t n = strlen(all);
        snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", opt->choices[i]);
    }
    return fail(o, "%s: `%s` must be one of %s, not `%.*s`", where, opt->key, all,
                NC_FMT(value));
}

static enum nc_err checked(struct nc_options *o, const struct nc_option *opt,
                           const char *value, const char *where)
{
    const char *complaint = opt->check && *value ? opt->check(value) : NULL;
    return complaint ? fail(o, "%s: `%s` %s, not `%s`", where, opt->key, complaint, value)
                     : NC_OK;
}

/* A list set in one place replaces what a lower place said; within a place it grows. */
static enum nc_err add_to_list(struct nc_options *o, const struct nc_option *opt,
                               struct nc_str value, bool fresh, const char *where)
{
    struct nc_strings *list = (struct nc_strings *)(void *)((char *)o->into + opt->at);

    if (fresh)
        *list = (struct nc_strings){0};
    while (value.p) {
        struct nc_str item = nc_str_trim(nc_str_cut(&value, ','));
        if (item.n == 0)
            continue;
        if (list->n == LIST_MAX)
            return fail(o, "%s: `%s` has more than %d values", where, opt->key, LIST_MAX);
        const char **v = nc_arena_alloc(&o->arena, (list->n + 1) * sizeof(*v));
        if (list->n)
            memcpy(v, list->v, list->n * sizeof(*v));
        v[list->n] = nc_arena_str(&o->arena, item).p;
        if (checked(o, opt, v[list->n], where) != NC_OK)
            return NC_EINVAL;
        *list = (struct nc_strings){v, list->n + 1};
    }
    return NC_OK;
}

static enum nc_err set_text(struct nc_options *o, const struct nc_option *opt,
                            struct nc_str value, const char *where)
{
    const char *copy = nc_arena_str(&o->arena, value).p;

    if (memchr(copy, '\0', value.n))
        return fail(o, "%s: `%s` contains a NUL byte", where, opt->key);
    memcpy((char *)o->into + opt->at, &copy, sizeof(copy));
    return checked(o, opt, copy, where);
}

static enum nc_err set(struct nc_options *o, size_t row, struct nc_str value, int from,
                       const char *where)
{
    const struct nc_option *opt = &o->table[row];
    bool fresh = o->from[row] != from;

    if (o->from[row] > from)
        return NC_OK;
    o->from[row] = (uint8_t)from;
    switch (opt->kind) {
    case NC_OPT_TEXT: return set_text(o, opt, value, where);
    case NC_OPT_LIST: return add_to_list(o, opt, value, fresh, where);
    case NC_OPT_UINT:
    case NC_OPT_SIZE:
    case NC_OPT_DURATION: return set_number(o, opt, value, where);
    case NC_OPT_BOOL: return set_bool(o, opt, value, where);
    case NC_OPT_CHOICE: return set_choice(o, opt, value, where);
    }
    return NC_EINVAL;
}

/* Row of a key in which `dash` stands for '_', or -1. */
static long find(const struct nc_options *o, struct nc_str key, char dash, bool upper)
{
    for (size_t i = 0; i < o->n; i++) {
        const char *k = o->table[i].key;
        size_t at = 0;
        for (; at < key.n && k[at]; at++) {
            char want = k[at] == '_' ? dash : k[at];
            if (key.p[at] != (upper ? (char)toupper((unsigned char)want) : want))
                break;
        }
        if (at == key.n && !k[at])
            return (long)i;
    }
    return -1;
}

/* ---- the four places ------------------------------------------------------ */

void nc_options_init(struct nc_options *o, const struct nc_option *table, size_t n,
                     void *into)
{
    *o = (struct nc_options){
        .table = table, .n = n, .into = into, .env_prefix = "NEURALCHAT_", .program = ""};
    o->from = nc_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        if (set(o, i, nc_str(table[i].def), FROM_DEFAULT, "default") != NC_OK)
            __builtin_trap(); /* a default outside its own bounds: our bug */
}

void nc_options_fini(struct nc_options *o)
{
    nc_arena_fini(&o->arena);
    free(o->from);
    *o = (struct nc_options){0};
}

enum nc_err nc_options_env(struct nc_options *o, char *const *environ_)
{
    size_t prefix = strlen(o->env_prefix);

    for (; *environ_; environ_++) {
        if (strncmp(*environ_, o->env_prefix, prefix) != 0)
            continue;
        if (o->env_others && strncmp(*environ_, o->env_others, strlen(o->env_others)) == 0)
            continue;
        struct nc_str value = nc_str(*environ_ + prefix);
        struct nc_str key = nc_str_cut(&value, '=');
        char where[96];
        snprintf(where, sizeof(where), "%s%.*s", o->env_prefix, NC_FMT(key));
        long row = find(o, key, '_', true);
        if (row < 0 || (o->table[row].flags & NC_OPT_FLAG))
            return fail(o, "environment: unknown setting %s", where);
        if (set(o, (size_t)row, value, FROM_ENV, where) != NC_OK)
            return NC_EINVAL;
    }
    return NC_OK;
}

/* One "--key", "--key=value" or "--key value"; *i is moved past what it took. */
static enum nc_err flag(struct nc_options *o, int argc, char *const *argv, int *i)
{
    struct nc_str value = nc_str(argv[*i] + 2);
    struct nc_str key = nc_str_cut(&value, '=');
    bool has_value = strchr(argv[*i], '=') != NULL;
    long row = find(o, key, '-', false);
    char where[96];

    if (row < 0)
        return fail(o, "unknown option --%.*s", NC_FMT(key));
    snprintf(where, sizeof(where), "--%.*s", NC_FMT(key));
    if (has_value && !value.p)
        value = NC_STR("");
    if (!has_value && o->table[row].kind == NC_OPT_BOOL) {
        value = NC_STR("on");
        /* "--tls off" reads as one thing, "--test-endpoints ROOM" as two */
        if (*i + 1 < argc && (!strcmp(argv[*i + 1], "on") || !strcmp(argv[*i + 1], "off")))
            value = nc_str(argv[++*i]);
    } else if (!has_value) {
        if (*i + 1 >= argc)
            return fail(o, "option %s needs a value (%s)", where,
                        o->table[row].arg ? o->table[row].arg : "VALUE");
        value = nc_str(argv[++*i]);
    }
    return set(o, (size_t)row, value, FROM_FLAG, where);
}

enum nc_err nc_options_flags(struct nc_options *o, int argc, char *const *argv)
{
    o->operands = nc_arena_alloc(&o->arena, ((size_t)argc + 1) * sizeof(*o->operands));
    o->operands_n = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                o->operands[o->operands_n++] = argv[i];
        } else if (strncmp(argv[i], "--", 2) == 0) {
            if (flag(o, argc, argv, &i) != NC_OK)
                return NC_EINVAL;
        } else if (strcmp(argv[i], "-h") == 0) {
            static char *const help[] = {NULL, "--help"};
            int at = 1;
            if (flag(o, 2, help, &at) != NC_OK)
                return NC_EINVAL;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return fail(o, "unknown option %s", argv[i]);
        } else {
            o->operands[o->operands_n++] = argv[i];
        }
    }
    return NC_OK;
}

static enum nc_err line(struct nc_options *o, struct nc_str text, const char *where)
{
    struct nc_str rest = text;
    struct nc_str key = nc_str_trim(nc_str_cut(&rest, '='));

    if (!rest.p && memchr(text.p, '=', text.n) == NULL)
        return fail(o, "%s: expected `key = value`, not `%.*s`", where, NC_FMT(text));
    long row = find(o, key, '_', false);
    if (row < 0 || (o->table[row].flags & NC_OPT_FLAG))
        return fail(o, "%s: unknown key `%.*s`", where, NC_FMT(key));
    return set(o, (size_t)row, nc_str_trim(rest), FROM_FILE, where);
}

enum nc_err nc_options_text(struct nc_options *o, struct nc_str text, const char *name)
{
    unsigned at = 0;

    while (text.p) {
        struct nc_str one = nc_str_trim(nc_str_cut(&text, '\n'));
        char where[256];
        at++;
        if (one.n == 0 || one.p[0] == '#')
            continue;
        snprintf(where, sizeof(where), "%s:%u", name, at);
        if (line(o, one, where) != NC_OK)
            return NC_EINVAL;
    }
    return NC_OK;
}

enum nc_err nc_options_file(struct nc_options *o, const char *path)
{
    enum nc_err e = NC_ENOENT;
    char *text = NULL;
    FILE *f = fopen(path, "re");

    if (!f) {
        fail(o, "%s: %s", path, strerror(errno));
        goto done;
    }
    text = nc_alloc(FILE_MAX + 1);
    size_t n = fread(text, 1, FILE_MAX + 1, f);
    if (ferror(f)) {
        fail(o, "%s: %s", path, strerror(errno));
    } else if (n > FILE_MAX) {
        e = fail(o, "%s: larger than 1 MiB", path);
    } else {
        e = nc_options_text(o, (struct nc_str){text, n}, path);
    }
done:
    free(text);
    if (f)
        fclose(f);
    return e;
}

/* A setting that names the file must be known before the file is read. */
enum nc_err nc_options_load(struct nc_options *o, int argc, char *const *argv,
                            char *const *environ_, const char *config_key)
{
    long row = find(o, nc_str(config_key), '_', false);
    const char *path;

    if (nc_options_flags(o, argc, argv) != NC_OK || nc_options_env(o, environ_) != NC_OK)
        return NC_EINVAL;
    memcpy(&path, (const char *)o->into + o->table[row].at, sizeof(path));
    return *path ? nc_options_file(o, path) : NC_OK;
}

/* ---- showing --------------------------------------------------------------- */

/* The largest unit that fits without a rest. */
static void show_number(uint64_t v, const struct unit *units, size_t n, struct nc_buf *out)
{
    const struct unit *best = &units[0];

    for (size_t i = 0; i < n; i++)
        if (*units[i].name && v && v % units[i].times == 0 && units[i].times >= best->times)
            best = &units[i];
    nc_buf_printf(out, "%llu%s", (unsigned long long)(v / best->times), best->name);
}

void nc_options_show(const struct nc_options *o, size_t row, struct nc_buf *out)
{
    const struct nc_option *opt = &o->table[row];
    const char *at = (const char *)o->into + opt->at, *text;
    struct nc_strings list;
    uint64_t number_;
    bool on;
    int word;

    switch (opt->kind) {
    case NC_OPT_TEXT:
        memcpy(&text, at, sizeof(text));
        nc_buf_adds(out, nc_str(text));
        break;
    case NC_OPT_LIST:
        memcpy(&list, at, sizeof(list));
        for (size_t i = 0; i < list.n; i++)
            nc_buf_printf(out, "%s%s", i ? ", " : "", list.v[i]);
        break;
    case NC_OPT_UINT:
        memcpy(&number_, at, sizeof(number_));
        nc_buf_printf(out, "%llu", (unsigned long long)number_);
        break;
    case NC_OPT_SIZE:
        memcpy(&number_, at, sizeof(number_));
        show_number(number_, sizes, NC_COUNT(sizes), out);
        break;
    case NC_OPT_DURATION:
        memcpy(&number_, at, sizeof(number_));
        show_number(number_, durations, NC_COUNT(durations), out);
        break;
    case NC_OPT_BOOL:
        memcpy(&on, at, sizeof(on));
        nc_buf_adds(out, on ? NC_STR("on") : NC_STR("off"));
        break;
    case NC_OPT_CHOICE:
        memcpy(&word, at, sizeof(word));
        nc_buf_adds(out, nc_str(opt->choices[word]));
        break;
    }
}

/* ---- reload --------------------------------------------------------------- */

static bool same(const struct nc_option *opt, const void *a, const void *b)
{
    const char *pa = (const char *)a + opt->at, *pb = (const char *)b + opt->at;
    const char *ta, *tb;
    struct nc_strings la, lb;

    switch (opt->kind) {
    case NC_OPT_TEXT:
        memcpy(&ta, pa, sizeof(ta));
        memcpy(&tb, pb, sizeof(tb));
        return strcmp(ta, tb) == 0;
    case NC_OPT_LIST:
        memcpy(&la, pa, sizeof(la));
        memcpy(&lb, pb, sizeof(lb));
        if (la.n != lb.n)
            return false;
        for (size_t i = 0; i < la.n; i++)
            if (strcmp(la.v[i], lb.v[i]) != 0)
                return false;
        return true;
    case NC_OPT_UINT:
    case NC_OPT_SIZE:
    case NC_OPT_DURATION: return memcmp(pa, pb, sizeof(uint64_t)) == 0;
    case NC_OPT_BOOL: return memcmp(pa, pb, sizeof(bool)) == 0;
    case NC_OPT_CHOICE: return memcmp(pa, pb, sizeof(int)) == 0;
    }
    return true;
}

const char *nc_options_frozen_change(const struct nc_options *a, const struct nc_options *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!(a->table[i].flags & (NC_OPT_RELOAD | NC_OPT_FLAG)) &&
            !same(&a->table[i], a->into, b->into))
            return a->table[i].key;
    return NULL;
}
