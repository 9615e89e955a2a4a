/* export ROOM: the whole history, page by page, oldest first. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/commands.h"

enum { PAGE = 200 };

/* False at the end of the output: a pipe was closed. */
static bool print_page(struct nc_client *c, const json_t *messages, struct nc_id *last)
{
    json_t *one;
    size_t i;

    json_array_foreach(messages, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (!id || nc_id_parse(nc_str(id), last) != NC_OK)
            continue;
        if (!nc_client_printed(c, one))
            nc_client_print_message(stdout, one);
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

int nc_cmd_export(struct nc_client *c)
{
    char path[160], room_text[NC_ID_TEXT], last_text[NC_ID_TEXT];
    /* Sorts before every message, so the first page is the oldest.  (All zeros would be
     * no id at all.) */
    struct nc_id room, last = {.b[15] = 1};
    struct nc_answer a;
    bool more = true;

    if (!nc_client_room(c, c->args[0], &room))
        return NC_EXIT_FAILED;
    nc_id_text(&room, room_text);
    while (more) {
        struct nc_id before = last;
        nc_id_text(&last, last_text);
        snprintf(path, sizeof path, "/api/v1/rooms/%.*s/messages?after=%.*s&limit=%d",
                 NC_ID_TEXT, room_text, NC_ID_TEXT, last_text, PAGE);
        nc_api_wait(&c->api, &(struct nc_api_ask){"GET", path, {0}, 0}, &a);
        if (a.status == 429) { /* the node's own pace */
            nc_answer_fini(&a);
            nc_client_pause(c, 1000);
            continue;
        }
        if (!nc_answer_ok(&a)) {
            nc_client_fail("%s", a.detail);
            nc_answer_fini(&a);
            return NC_EXIT_FAILED;
        }
        more = json_is_true(json_object_get(a.body, "has_more"));
        bool open = print_page(c, json_object_get(a.body, "messages"), &last);
        nc_answer_fini(&a);
        if (!open)
            return NC_EXIT_FAILED;
        more = more && !nc_id_eq(&before, &last);
    }
    return NC_EXIT_OK;
}
