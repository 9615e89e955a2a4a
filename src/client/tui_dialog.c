/* Forms and lists: coming in, rooms, the help. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tui_parts.h"
#include "crypto/hash.h"
#include "wire/json.h"

#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* formats are words of two languages */

enum { USER, PASSWORD, AGAIN, DISPLAY, INVITE, OWNER };
enum { NAME, TOPIC, PRIVATE };

/* ---- pickers -------------------------------------------------------------- */

void nc_tui_fill_rooms(struct nc_tui *t)
{
    nc_picker_clear(&t->picker);
    for (size_t i = 0; i < t->servers.model.n; i++) {
        const struct nc_model_room *r = t->servers.model.rooms[i];
        char note[48] = "";
        if (r->mentions)
            snprintf(note, sizeof note, "@%u +%u", r->mentions, r->unread);
        else if (r->unread)
            snprintf(note, sizeof note, "+%u", r->unread);
        struct nc_buf name = {0};
        nc_servers_room_name(&t->servers, r, &name);
        nc_buf_addc(&name, '\0');
        nc_picker_add(&t->picker, &r->id, name.p, note, r->unread > 0);
        nc_buf_fini(&name);
    }
}

static bool is_picked(const struct nc_picker *p, const struct nc_id *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (nc_id_eq(&p->items[i].id, id))
            return true;
    return false;
}

static void on_public(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;
    struct nc_tui *t = r->set->arg;
    json_t *room;
    size_t i;

    if (a->err == NC_ECLOSED || t->mode != NC_TUI_PUBLIC)
        return;
    if (!nc_answer_ok(a))
        nc_tui_say(t, a->detail);
    json_array_foreach(json_object_get(a->body, "rooms"), i, room)
    {
        const char *id = json_string_value(json_object_get(room, "id"));
        const char *name = json_string_value(json_object_get(room, "name"));
        char note[32];
        struct nc_id rid;
        if (!id || !name || nc_id_parse(nc_str(id), &rid) != NC_OK ||
            is_picked(&t->picker, &rid))
            continue;
        snprintf(note, sizeof note, "%lld",
                 (long long)json_integer_value(json_object_get(room, "members_count")));
        nc_picker_add(&t->picker, &rid, name, note, false);
        t->picker.items[t->picker.n - 1].from = r->from;
    }
    t->picker.empty = nc_word(NC_W_NOTHING_FOUND);
    nc_tui_redraw(t);
}

static void key_in_picker(struct nc_tui *t, uint32_t key)
{
    const struct nc_pick *it;

    if (key == NC_KEY_ESCAPE) {
        nc_tui_goto(t, NC_TUI_CHAT);
        return;
    }
    it = nc_picker_key(&t->picker, key);
    if (!it)
        return;
    struct nc_id room = it->id;
    unsigned from = it->from;
    bool known = nc_model_room(&t->servers.model, &room) != NULL;
    nc_tui_goto(t, NC_TUI_CHAT);
    if (known)
        nc_tui_open_room(t, &room);
    else
        nc_remote_join(&t->servers.v[from], &room);
}

/* ---- forms ---------------------------------------------------------------- */

static void member(struct nc_json *j, const char *key, struct nc_str value)
{
    if (value.n)
        nc_json_kstr(j, key, value);
}

static void come_in(struct nc_tui *t)
{
    const struct nc_form *f = &t->form;
    bool is_new = t->mode == NC_TUI_REGISTER;
    struct nc_str password = nc_buf_str(&f->fields[PASSWORD].editor.text);
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);

    if (is_new && !nc_str_eq(password, nc_buf_str(&f->fields[AGAIN].editor.text))) {
        nc_tui_say(t, nc_word(NC_W_PASSWORDS_DIFFER));
        return;
    }
    nc_json_obj(&j);
    nc_json_kstr(&j, "username", nc_form_value(f, USER));
    nc_json_kstr(&j, "password", password);
    if (is_new) {
        member(&j, "display_name", nc_form_value(f, DISPLAY));
        member(&j, "invite", nc_form_value(f, INVITE));
        member(&j, "owner_code", nc_form_value(f, OWNER));
    }
    nc_json_obj_end(&j);
    nc_tui_say(t, nc_word(NC_W_CONNECTING));
    nc_remote_enter(t->entering, is_new, nc_buf_str(&b));
    nc_wipe(b.p, b.n);
    nc_buf_fini(&b);
}

static void create(struct nc_tui *t)
{
    struct nc_str name = nc_form_value(&t->form, NAME);

    if (name.n == 0) {
        t->form.at = NAME;
        return;
    }
    nc_remote_create(nc_servers_for(&t->servers, NULL), name,
                     nc_form_value(&t->form, TOPIC), t->form.fields[PRIVATE].on);
    nc_tui_goto(t, NC_TUI_CHAT);
}

static void key_in_form(struct nc_tui *t, uint32_t key)
{
    bool coming = t->mode != NC_TUI_CREATE;

    if (coming && key == NC_KEY_F2) {
        nc_tui_goto(t, t->mode == NC_TUI_LOGIN ? NC_TUI_REGISTER : NC_TUI_LOGIN);
    } else if (coming && key == NC_KEY_ESCAPE && nc_tui_may_skip(t)) {
        t->skipped |= 1u << t->entering->from;
        nc_tui_enter_next(t);
    } else if (!coming && key == NC_KEY_ESCAPE) {
        nc_tui_goto(t, NC_TUI_CHAT);
    } else if (nc_form_key(&t->form, key)) {
        if (coming)
            come_in(t);
        else
            create(t);
    }
}

/* ---- help ----------------------------------------------------------------- */

static void key_in_help(struct nc_tui *t, uint32_t key)
{
    unsigned page = t->screen.rows > 3 ? t->screen.rows - 3 : 1;

    switch (key) {
    case NC_KEY_DOWN: t->help_top++; return;
    case NC_KEY_UP: t->help_top -= t->help_top > 0; return;
    case NC_KEY_PAGE_DOWN:
    case ' ': t->help_top += page; return;
    case NC_KEY_PAGE_UP: t->help_top -= t->help_top < page ? t->help_top : page; return;
    default: nc_tui_goto(t, NC_TUI_CHAT);
    }
}

bool nc_tui_key_in_dialog(struct nc_tui *t, uint32_t key)
{
    switch (t->mode) {
    case NC_TUI_ROOMS:
    case NC_TUI_PUBLIC: key_in_picker(t, key); return true;
    case NC_TUI_LOGIN:
    case NC_TUI_REGISTER:
    case NC_TUI_CREATE: key_in_form(t, key); return true;
    case NC_TUI_HELP: key_in_help(t, key); return true;
    case NC_TUI_CHAT:
    case NC_TUI_SELECT: return false;
    }
    return false;
}

/* ---- from one to the other ------------------------------------------------ */

static const char *at_server(struct nc_tui *t, enum nc_words w)
{
    static char title[320]; /* one terminal, one form */

    snprintf(title, sizeof title, nc_word(w), t->entering->api.url);
    return title;
}

static void ready_entry(struct nc_tui *t, bool is_new)
{
    struct nc_form *f = &t->form;
    const char *user = t->client->cfg->user;
    bool skip = nc_tui_may_skip(t);

    f->title = at_server(t, is_new ? NC_W_REGISTER_TITLE : NC_W_LOGIN_TITLE);
    f->hint = nc_word(is_new ? skip ? NC_W_REGISTER_HINT_SKIP : NC_W_REGISTER_HINT
                      : skip ? NC_W_LOGIN_HINT_SKIP
                             : NC_W_LOGIN_HINT);
    nc_form_add(f, nc_word(NC_W_USERNAME), NC_FIELD_TEXT);
    nc_form_add(f, nc_word(NC_W_PASSWORD), NC_FIELD_SECRET);
    if (is_new) {
        nc_form_add(f, nc_word(NC_W_PASSWORD_AGAIN), NC_FIELD_SECRET);
        nc_form_add(f, nc_word(NC_W_DISPLAY_NAME), NC_FIELD_TEXT);
        nc_form_add(f, nc_word(NC_W_INVITE_CODE), NC_FIELD_TEXT);
        nc_form_add(f, nc_word(NC_W_OWNER_CODE), NC_FIELD_TEXT);
        nc_editor_set(&f->fields[INVITE].editor, nc_str(t->client->cfg->invite));
        nc_editor_set(&f->fields[OWNER].editor, nc_str(t->client->cfg->owner_code));
    }
    /* One account that is on both has one name. */
    nc_editor_set(&f->fields[USER].editor,
                  nc_str(*user ? user : nc_model_username(&t->servers.model)));
    if (skip && f->fields[USER].editor.text.n)
        f->at = PASSWORD;
}

static void ready_picker(struct nc_tui *t)
{
    struct nc_picker *p = &t->picker;

    p->hint = nc_word(NC_W_ROOMS_HINT);
    if (t->mode == NC_TUI_ROOMS) {
        p->title = nc_word(NC_W_ROOMS_TITLE);
        p->empty = nc_word(NC_W_NOTHING_FOUND);
        nc_tui_fill_rooms(t);
    } else {
        p->title = nc_word(NC_W_PUBLIC_TITLE);
        p->empty = nc_word(NC_W_LOADING);
        for (size_t i = 0; i < t->servers.n; i++)
            if (nc_session_present(&t->servers.v[i].api.session))
                nc_remote_public(&t->servers.v[i], on_public, &t->servers.v[i]);
    }
}

void nc_tui_goto(struct nc_tui *t, enum nc_tui_mode mode)
{
    nc_form_fini(&t->form);
    nc_picker_fini(&t->picker);
    t->mode = mode;
    switch (mode) {
    case NC_TUI_LOGIN: ready_entry(t, false); break;
    case NC_TUI_REGISTER: ready_entry(t, true); break;
    case NC_TUI_CREATE:
        t->form.title = nc_word(NC_W_CREATE_TITLE);
        t->form.hint = nc_word(NC_W_CREATE_HINT);
        nc_form_add(&t->form, nc_word(NC_W_ROOM_NAME), NC_FIELD_TEXT);
        nc_form_add(&t->form, nc_word(NC_W_ROOM_TOPIC), NC_FIELD_TEXT);
        nc_form_add(&t->form, nc_word(NC_W_ROOM_PRIVATE), NC_FIELD_SWITCH);
        break;
    case NC_TUI_ROOMS:
    case NC_TUI_PUBLIC: ready_picker(t); break;
    case NC_TUI_HELP: t->help_top = 0; break;
    case NC_TUI_CHAT:
    case NC_TUI_SELECT: break;
    }
    nc_tui_redraw(t);
}
