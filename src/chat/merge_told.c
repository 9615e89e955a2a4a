/*
 * What another node says is shown to people here, so it must be such as people here could
 * have said: else its event is taken without it, on every node alike.  Nothing of a node's
 * own settings counts, but for the most that they can be; nor anything that is not in the
 * record.
 */
#include "base/utf8.h"
#include "chat/merge_parts.h"
#include "chat/talk/mention.h"
#include "store/names.h"
#include "wire/json_in.h"

enum {
    NAME_MAX = 1000,   /* characters; see room_name_max, display_name_max */
    TOPIC_MAX = 10000, /* … topic_max */
    WORD_MAX = 200,    /* bytes of what only programs read */
};

/* A line that shows what it says: no escapes, nothing that turns it round or hides. */
static bool is_line(struct nc_str s, size_t max)
{
    if (nc_utf8_count(s) > max || (s.n && !nc_utf8_visible(s)))
        return false;
    while (s.n)
        if (nc_utf8_unseen(nc_utf8_next(&s)))
            return false;
    return true;
}

/* For programs: printable ASCII. */
static bool is_word(struct nc_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return s.n <= WORD_MAX;
}

/* Usernames, with a blank between them; each is looked up as it is stored. */
static bool are_names(struct nc_str s)
{
    for (unsigned n = 0; s.n; n++)
        if (n == NC_MENTIONS_MAX || !nc_username_formed(nc_str_cut(&s, ' ')))
            return false;
    return true;
}

/* JSON on one line, or nothing: clients get it as it is kept. */
static bool is_object(struct nc_str s)
{
    json_t *doc;

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20)
            return false;
    if (s.n && nc_json_parse(s, &doc, NULL) != NC_OK)
        return false;
    if (s.n)
        json_decref(doc);
    return true;
}

bool nc_merge_told(const struct nc_record *r)
{
    const struct nc_message *m = &r->message;

    switch (r->kind) {
    case NC_STATE_ACCOUNT:
        return is_line(r->account.display_name, NAME_MAX) && is_word(r->account.password);
    case NC_STATE_ROOM:
        return is_line(r->room.name, NAME_MAX) && is_line(r->room.topic, TOPIC_MAX) &&
               is_object(r->room.settings) && is_word(r->room.encryption);
    case NC_STATE_KEY: return is_line(r->key.name, NAME_MAX) && is_word(r->key.scopes);
    case NC_STATE_MESSAGE:
        return is_word(m->content_type) && is_word(m->code) && are_names(m->mentions) &&
               is_object(m->ai);
    case NC_STATE_PERSONA: /* its names are judged by whoever reads them (ai/persona_json)
                            */
    case NC_STATE_MEMBER:
    case NC_STATE_BAN:
    case NC_STATE_SESSION:
    case NC_STATE_NONE: break;
    }
    return true;
}
