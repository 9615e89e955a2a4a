/*
 * JSON from outside: refused with words, or an object of which every getter holds its
 * promise.  What the writer makes of a text, the reader takes back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/json.h"
#include "wire/json_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NEED(what)            \
    do {                      \
        if (!(what))          \
            __builtin_trap(); \
    } while (0)

static void take(const json_t *o, const char *name)
{
    static const char *const words[] = {"room", "direct", NULL};
    struct nc_problem why = {0};
    struct nc_str s = NC_STR(""), list[3];
    struct nc_buf copy = {0};
    struct nc_id id;
    int64_t i = 5;
    uint64_t at;
    unsigned word;
    size_t n;
    bool flag;

    if (nc_json_need_str(o, name, 1, 5, &s, &why) == NC_OK)
        NEED(s.n && nc_utf8_count(s) <= 5 && nc_utf8_valid(s) && !memchr(s.p, 0, s.n));
    else
        NEED(why.code == NC_P_BAD_REQUEST && strstr(why.detail, name));
    if (nc_json_need_text(o, name, 9, &s, &why) == NC_OK)
        NEED(s.n > 0 && s.n <= 9);
    if (nc_json_opt_int(o, name, -3, 7, &i, &why) == NC_OK)
        NEED(i >= -3 && i <= 7);
    if (nc_json_opt_strs(o, name, 3, 4, list, &n, &flag, &why) == NC_OK)
        NEED(n <= 3 && (flag || n == 0));
    if (nc_json_need_id(o, name, &id, &why) == NC_OK)
        NEED(json_string_length(json_object_get(o, name)) == NC_ID_TEXT);
    NEED((nc_json_need_bool(o, name, &flag, &why) == NC_OK) ==
         json_is_boolean(json_object_get(o, name)));
    word = 0;
    if (nc_json_opt_word(o, name, words, &word, &why) == NC_OK)
        NEED(word < 2);
    if (nc_json_opt_time(o, name, &at, &why) != NC_OK)
        NEED(strstr(why.detail, "RFC 3339"));
    NEED(nc_json_copy(o, name, &copy) == nc_json_has(o, name));
    nc_buf_fini(&copy);
}

static void write_and_read(struct nc_str text)
{
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    if (!nc_utf8_valid(text))
        return;
    nc_json_obj(&j);
    nc_json_kstr(&j, "k", text);
    nc_json_obj_end(&j);

    json_t *back = json_loadb(b.p, b.n, JSON_ALLOW_NUL, NULL);
    const json_t *v = json_object_get(back, "k");
    NEED(v);
    NEED(nc_str_eq((struct nc_str){json_string_value(v), json_string_length(v)}, text));
    json_decref(back);
    nc_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"text", "id", "n", "list", "at", "kind"};
    struct nc_problem why = {0};
    char *p = malloc(n ? n : 1);
    json_t *root;

    memcpy(p, data, n);
    if (nc_json_parse((struct nc_str){p, n}, &root, &why) == NC_OK) {
        NEED(json_is_object(root));
        for (size_t i = 0; i < NC_COUNT(names); i++)
            take(root, names[i]);
    } else {
        NEED(!root && why.code != NC_P_NONE && why.detail[0]);
    }
    json_decref(root);
    write_and_read((struct nc_str){p, n});
    free(p);
    return 0;
}
