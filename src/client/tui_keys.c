/* What the keys do while one reads and writes. */
#include <string.h>

#include "base/utf8.h"
#include "client/tui_parts.h"
#include "crypto/hash.h"

static unsigned input_width(const struct nc_tui *t)
{
    return t->screen.columns > 4 ? t->screen.columns - 3 : 2;
}

static void forget_intent(struct nc_tui *t)
{
    if (!nc_id_zero(&t->editing))
        nc_editor_clear(&t->editor);
    t->editing = t->reply_to = (struct nc_id){0};
}

/* ---- sending -------------------------------------------------------------- */

static void submit(struct nc_tui *t)
{
    struct nc_str text = nc_str_trim(nc_buf_str(&t->editor.text));
    struct nc_model_room *r = nc_tui_room(t);

    if (text.n == 0 || !r)
        return;
    t->scroll = 0;
    if (!nc_id_zero(&t->editing)) {
        nc_remote_edit(nc_tui_remote(t), &t->editing, text);
    } else if (nc_str_eqz(text, "/stop")) {
        nc_tui_stop(t);
    } else if (nc_servers_send(&t->servers, &r->id,
                               nc_id_zero(&t->reply_to) ? NULL : &t->reply_to,
                               text) != NC_OK) {
        nc_tui_say(t, nc_word(NC_W_NOT_KEPT));
        return; /* the words stay in the line */
    }
    t->editing = t->reply_to = (struct nc_id){0};
    nc_editor_clear(&t->editor);
}

/* The first one of this room that was refused comes back into the line. */
static void take_back(struct nc_tui *t)
{
    for (size_t i = 0; i < t->servers.n; i++) {
        struct nc_outbox *box = &t->servers.v[i].outbox;
        if (!box->list.next)
            continue;
        nc_list_each(node, &box->list) {
            struct nc_outbox_item *it = nc_of(node, struct nc_outbox_item, node);
            if (it->state != NC_OUT_REFUSED || !nc_id_eq(&it->room, &t->room))
                continue;
            if (t->editor.text.n == 0)
                nc_editor_set(&t->editor, nc_str(it->text));
            nc_outbox_drop(box, it);
            return;
        }
    }
}

/* Those that wait try at once; where one went on without a login, it is asked for. */
static void connect_now(struct nc_tui *t)
{
    nc_servers_hurry(&t->servers);
    if (t->skipped) {
        t->skipped = 0;
        nc_tui_enter_next(t);
    }
}

static void log_out(struct nc_tui *t)
{
    t->skipped = 0;
    t->began = false; /* all are to be asked for again */
    for (size_t i = 0; i < t->servers.n; i++)
        if (nc_session_present(&t->servers.v[i].api.session))
            nc_remote_logout(&t->servers.v[i]);
}

/* ---- rooms ---------------------------------------------------------------- */

static void step_room(struct nc_tui *t, int by, bool unread_only)
{
    const struct nc_model *m = &t->servers.model;
    size_t here = 0;

    if (m->n == 0)
        return;
    for (size_t i = 0; i < m->n; i++)
        if (nc_id_eq(&m->rooms[i]->id, &t->room))
            here = i;
    for (size_t i = 1; i <= m->n; i++) {
        size_t at = by > 0 ? (here + i) % m->n : (here + m->n - i % m->n) % m->n;
        if (!unread_only || m->rooms[at]->unread || m->rooms[at]->mentions) {
            nc_tui_open_room(t, &m->rooms[at]->id);
            return;
        }
    }
}

/* "@ol" becomes "@olga "; at the start of a line a bare name becomes "olga, ". */
static void complete(struct nc_tui *t)
{
    const struct nc_model_room *r = nc_tui_room(t);
    struct nc_str word = nc_editor_word(&t->editor);
    struct nc_buf with = {0};
    bool at = word.n && word.p[0] == '@';

    if (t->editor.text.n == 0) {
        step_room(t, 1, true);
        return;
    }
    if (at)
        word = (struct nc_str){word.p + 1, word.n - 1};
    for (size_t i = 0; r && word.n && i < r->people_n && with.n == 0; i++)
        if (nc_str_starts(nc_str(r->people[i]), word))
            nc_buf_printf(&with, "%s%s%s", at ? "@" : "", r->people[i], at ? " " : ", ");
    if (with.n)
        nc_editor_replace_word(&t->editor, nc_buf_str(&with));
    nc_buf_fini(&with);
}

/* ---- messages ------------------------------------------------------------- */

static void edit_message(struct nc_tui *t, const struct nc_model_message *x)
{
    if (!x)
        return;
    if (!x->mine || x->deleted || x->kind == NC_TEXT_LOCAL) {
        nc_tui_say(t, nc_word(NC_W_NOT_YOURS));
        return;
    }
    t->reply_to = (struct nc_id){0};
    t->editing = x->id;
    nc_editor_set(&t->editor, nc_buf_str(&x->text));
}

static void reply_to_last(struct nc_tui *t)
{
    const struct nc_model_room *r = nc_tui_room(t);

    for (size_t i = r ? r->n : 0; i > 0; i--) {
        const struct nc_model_message *x = r->messages[i - 1];
        if (x->mine || x->deleted || x->kind == NC_TEXT_LOCAL || x->kind == NC_TEXT_NOTICE)
            continue;
        forget_intent(t);
        t->reply_to = x->id;
        return;
    }
}

static void choose(struct nc_tui *t, int by)
{
    const struct nc_model_room *r = nc_tui_room(t);
    size_t at = r ? r->n : 0;

    if (at == 0)
        return;
    t->mode = NC_TUI_SELECT;
    t->delete_asked = false;
    for (size_t i = 0; i < r->n; i++)
        if (nc_id_eq(&r->messages[i]->id, &t->chosen))
            at = i;
    if (by > 0 && at + 1 < r->n)
        at++;
    else if (at > 0 && (by < 0 || at == r->n))
        at--;
    t->chosen = r->messages[at]->id;
    if (at == 0 && by < 0)
        nc_servers_older(&t->servers, nc_tui_room(t));
}

static void leave_selection(struct nc_tui *t)
{
    t->mode = NC_TUI_CHAT;
    t->chosen = (struct nc_id){0};
    t->delete_asked = false;
}

static void delete_chosen(struct nc_tui *t, const struct nc_model_message *x)
{
    if (!t->delete_asked) {
        t->delete_asked = true;
        return;
    }
    nc_remote_delete(nc_tui_remote(t), &x->id);
    leave_selection(t);
}

static void key_in_selection(struct nc_tui *t, uint32_t key)
{
    struct nc_model_room *r = nc_tui_room(t);
    struct nc_model_message *x = r ? nc_model_message(r, &t->chosen) : NULL;

    if (key == NC_KEY_UP || key == 'k') {
        choose(t, -1);
    } else if (key == NC_KEY_DOWN || key == 'j') {
        choose(t, 1);
    } else if (key == NC_KEY_PAGE_UP || key == NC_KEY_PAGE_DOWN) {
        for (unsigned i = 0; i < t->screen.rows / 2; i++)
            choose(t, key == NC_KEY_PAGE_UP ? -1 : 1);
    } else if (!x || key == NC_KEY_ESCAPE || key == 'q' || key == NC_CTRL('c')) {
        leave_selection(t);
    } else if (key == 'd' || key == NC_KEY_DELETE) {
        delete_chosen(t, x);
    } else if (nc_tui_key_of_answer(t, x, key)) {
        if (key == 's' || key == 'g')
            leave_selection(t);
    } else if (key == 'r' || key == 'e' || key == NC_KEY_ENTER) {
        leave_selection(t);
        if (key == 'e') {
            edit_message(t, x);
        } else if (x->kind != NC_TEXT_LOCAL) {
            forget_intent(t);
            t->reply_to = x->id;
        }
    }
}

/* ---- all the others ------------------------------------------------------- */

static void leave(struct nc_tui *t)
{
    if (t->editor.text.n || !nc_id_zero(&t->editing) || !nc_id_zero(&t->reply_to)) {
        t->editing = t->reply_to = (struct nc_id){0};
        nc_editor_clear(&t->editor);
    } else if (t->leave_asked) {
        t->over = true;
    } else {
        nc_tui_say(t, nc_word(NC_W_LEAVE_SURE));
        t->leave_asked = true;
        return;
    }
    t->leave_asked = false;
}

static void scroll(struct nc_tui *t, int pages)
{
    unsigned by = t->screen.rows > 6 ? t->screen.rows - 5 : 2;

    if (pages < 0)
        t->scroll += by;
    else
        t->scroll = t->scroll > by ? t->scroll - by : 0;
}

static bool key_of_rooms(struct nc_tui *t, uint32_t key)
{
    switch (key) {
    case NC_KEY_F2:
    case NC_CTRL('o'): nc_tui_goto(t, NC_TUI_ROOMS); return true;
    case NC_KEY_F3:
    case NC_KEY_ALT + 'p': nc_tui_goto(t, NC_TUI_PUBLIC); return true;
    case NC_KEY_F4:
    case NC_KEY_ALT + 'n': nc_tui_goto(t, NC_TUI_CREATE); return true;
    case NC_KEY_ALT + NC_KEY_UP:
    case NC_CTRL('p'): step_room(t, -1, false); return true;
    case NC_KEY_ALT + NC_KEY_DOWN:
    case NC_CTRL('n'): step_room(t, 1, false); return true;
    case NC_KEY_F1:
    case NC_KEY_ALT + 'h': nc_tui_goto(t, NC_TUI_HELP); return true;
    case NC_KEY_ALT + 'r': connect_now(t); return true;
    case NC_KEY_ALT + 'q': log_out(t); return true;
    default: return false;
    }
}

static void key_in_chat(struct nc_tui *t, uint32_t key)
{
    struct nc_model_room *r = nc_tui_room(t);

    if (key_of_rooms(t, key) || nc_tui_key_of_answers(t, key))
        return;
    switch (key) {
    case NC_KEY_ENTER: submit(t); return;
    case NC_CTRL('j'):
    case NC_KEY_ALT + NC_KEY_ENTER: nc_editor_insert(&t->editor, NC_STR("\n")); return;
    case NC_KEY_TAB: complete(t); return;
    case NC_KEY_PAGE_UP: scroll(t, -1); return;
    case NC_KEY_PAGE_DOWN: scroll(t, 1); return;
    case NC_KEY_F5:
    case NC_KEY_ALT + 's': choose(t, 0); return;
    case NC_CTRL('r'): reply_to_last(t); return;
    case NC_CTRL('x'): take_back(t); return;
    case NC_CTRL('l'): nc_screen_resized(&t->screen); return;
    case NC_KEY_ESCAPE: forget_intent(t); return;
    case NC_KEY_UP:
        if (t->editor.text.n == 0) {
            edit_message(t, r ? nc_model_last_own(r) : NULL);
            return;
        }
        break;
    default: break;
    }
    if (nc_edit_key(&t->editor, key, input_width(t)) && r && t->editor.text.n &&
        t->editor.text.p[0] != '/' && nc_id_zero(&t->editing))
        nc_remote_typing(nc_tui_remote(t), &r->id);
}

/* Pasted newlines are text, not Enter. */
static bool key_of_paste(struct nc_tui *t, uint32_t key)
{
    if (key == NC_KEY_PASTE_BEGIN) {
        t->pasting = true;
        nc_buf_clear(&t->pasted);
        return true;
    }
    if (key == NC_KEY_PASTE_END) {
        struct nc_editor *e = t->mode == NC_TUI_CHAT ? &t->editor : NULL;
        if (t->mode == NC_TUI_LOGIN || t->mode == NC_TUI_REGISTER ||
            t->mode == NC_TUI_CREATE)
            e = &t->form.fields[t->form.at].editor;
        if (e && !nc_editor_insert(e, nc_buf_str(&t->pasted)))
            nc_tui_say(t, nc_word(NC_W_TOO_LONG));
        t->pasting = false;
        if (t->pasted.p)
            nc_wipe(t->pasted.p, t->pasted.n); /* it may be a password */
        nc_buf_clear(&t->pasted);
        return true;
    }
    if (!t->pasting)
        return false;
    if (key == NC_KEY_ENTER || key == NC_CTRL('j'))
        nc_buf_addc(&t->pasted, '\n');
    else if (key == NC_KEY_TAB)
        nc_buf_addc(&t->pasted, '\t');
    else if (key < NC_KEY_NONE && t->pasted.n < NC_EDITOR_MAX)
        nc_utf8_add(&t->pasted, key);
    return true;
}

void nc_tui_key(struct nc_tui *t, uint32_t key)
{
    if (key == NC_KEY_RESIZE) {
        nc_screen_resized(&t->screen);
        return;
    }
    if (key_of_paste(t, key))
        return;
    if (key == NC_CTRL('c') && t->mode != NC_TUI_SELECT) {
        if (t->mode == NC_TUI_CHAT)
            leave(t);
        else if (t->mode == NC_TUI_LOGIN || t->mode == NC_TUI_REGISTER)
            t->over = true;
        else
            nc_tui_goto(t, NC_TUI_CHAT);
        return;
    }
    t->leave_asked = false;
    if (t->mode == NC_TUI_SELECT)
        key_in_selection(t, key);
    else if (!nc_tui_key_in_dialog(t, key))
        key_in_chat(t, key);
}
