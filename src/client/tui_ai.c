/* What the keys do about answers of personas. */
#include "client/tui_parts.h"

void nc_tui_stop(struct nc_tui *t)
{
    const struct nc_model_room *r = nc_tui_room(t);
    const struct nc_model_message *x = r ? nc_model_running(r) : NULL;

    if (x)
        nc_remote_stop(nc_tui_remote(t), &x->id);
    else if (r && r->ai.waiting_n)
        nc_remote_stop(nc_tui_remote(t), &r->ai.waiting[0].job);
    else
        nc_tui_say(t, nc_word(NC_W_NOTHING_RUNS));
}

static bool is_answer(const struct nc_model_message *x)
{
    return x && x->sender_kind == NC_SENDER_PERSONA && !x->deleted;
}

static void regenerate(struct nc_tui *t, const struct nc_model_message *x)
{
    if (is_answer(x))
        nc_remote_regenerate(nc_tui_remote(t), &x->id);
    else
        nc_tui_say(t, nc_word(NC_W_NO_ANSWER_HERE));
}

/* Round and round: behind the last one is the first. */
static void flip(struct nc_tui *t, const struct nc_model_message *x, int by)
{
    if (!is_answer(x) || x->alternatives < 2 || x->state == NC_ANSWER_STREAMING) {
        nc_tui_say(t, nc_word(is_answer(x) ? NC_W_NO_ALTERNATIVES : NC_W_NO_ANSWER_HERE));
        return;
    }
    unsigned n = by > 0 ? x->chosen + 1 : x->chosen + x->alternatives - 1;
    nc_remote_choose(nc_tui_remote(t), &x->id, n % x->alternatives);
}

bool nc_tui_key_of_answers(struct nc_tui *t, uint32_t key)
{
    const struct nc_model_room *r = nc_tui_room(t);
    const struct nc_model_message *last = r ? nc_model_last_answer(r) : NULL;

    switch (key) {
    case NC_CTRL('t'): nc_tui_stop(t); return true;
    case NC_CTRL('g'): regenerate(t, last); return true;
    case NC_KEY_ALT + ',':
    case NC_KEY_ALT + '<': flip(t, last, -1); return true;
    case NC_KEY_ALT + '.':
    case NC_KEY_ALT + '>': flip(t, last, 1); return true;
    case NC_KEY_ALT + 't': t->thoughts = !t->thoughts; return true;
    default: return false;
    }
}

bool nc_tui_key_of_answer(struct nc_tui *t, const struct nc_model_message *x, uint32_t key)
{
    switch (key) {
    case 's': nc_remote_stop(nc_tui_remote(t), &x->id); return true;
    case 'g': regenerate(t, x); return true;
    case '<':
    case ',':
    case NC_KEY_LEFT: flip(t, x, -1); return true;
    case '>':
    case '.':
    case NC_KEY_RIGHT: flip(t, x, 1); return true;
    case 't': t->thoughts = !t->thoughts; return true;
    default: return false;
    }
}
