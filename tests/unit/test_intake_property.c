/*
 * Three nodes that say things, over a wire that loses, doubles and mixes up, while they are
 * switched off and on: whatever the seed, in the end all have the same, and once.
 */
#include "intake_world.h"

static uint64_t seed;

static unsigned dice(unsigned sides)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; /* xorshift64 */
    return (unsigned)(seed % sides);
}

static struct nc_user *any_user(struct node *n)
{
    struct nc_user *u, *found = NULL;
    size_t at = 0;
    unsigned k = 0;

    while ((u = nc_map_next(&n->w->chat->users_by_id, &at)) != NULL)
        if (!u->a.deleted && u->a.kind == NC_PERSON && dice(++k) == 0)
            found = u;
    return found;
}

static struct nc_room *any_room(struct node *n)
{
    struct nc_room *r, *found = NULL;
    size_t at = 0;
    unsigned k = 0;

    while ((r = nc_map_next(&n->w->chat->rooms, &at)) != NULL)
        if (!r->rec.deleted_ms && dice(++k) == 0)
            found = r;
    return found;
}

/* Something happens there; refused is fine. */
static void act(struct node *n)
{
    static unsigned people;
    static struct nc_id last; /* a message, perhaps of elsewhere */
    struct nc_user *u = any_user(n);
    struct nc_room *r = any_room(n);
    struct nc_actor who = {.user = u};
    char name[24];

    if (!u || dice(12) == 0) {
        snprintf(name, sizeof name, "p%u", people++);
        (void)join_node(n, name);
        return;
    }
    if (!r || dice(12) == 0) {
        (void)make_room(n->w, u, "room", NC_PUBLIC);
        return;
    }
    switch (dice(8)) {
    case 0: (void)join(n->w, u, r); break;
    case 1: (void)leave(n->w, u, r); break;
    case 2:
        nc_message_edit(n->w->chat, &who, &last, NC_STR("other"), on_sent, begin_call());
        (void)end_call(n->w);
        break;
    case 3:
        nc_message_delete(n->w->chat, &who, &last, on_sent, begin_call());
        (void)end_call(n->w);
        break;
    default:
        (void)join(n->w, u, r);
        if (say(n->w, u, r, "words") == NC_P_NONE)
            last = got.message.id;
        break;
    }
}

static struct letter *any_letter(void)
{
    unsigned k = dice(letters_n);

    for (struct nc_list *it = letters.next;; it = it->next)
        if (k-- == 0)
            return nc_of(it, struct letter, node);
}

static void copy_letter(const struct letter *l)
{
    struct letter *other = nc_alloc(sizeof *other);

    other->from = l->from;
    other->to = l->to;
    nc_buf_adds(&other->frame, nc_buf_str(&l->frame));
    nc_list_add(&letters, &other->node);
    letters_n++;
}

static void step(void)
{
    struct node *n = &nodes[dice(NODES)], *other = &nodes[dice(NODES)];

    switch (dice(10)) {
    case 0:
    case 1:
    case 2:
        act(n);
        sign_log(n, 1 + dice(6));
        break;
    case 3:
    case 4:
        if (n != other && letters_n < 200)
            (void)want(n, other);
        break;
    case 5:
        if (letters_n)
            copy_letter(any_letter());
        break;
    case 6:
        if (letters_n)
            letter_free(any_letter());
        break;
    case 7:
        if (dice(8) == 0) {
            node_down(n);
            node_up(n);
        }
        break;
    default:
        for (unsigned i = dice(5); letters_n && i > 0; i--)
            (void)deliver(any_letter());
        if (dice(2))
            settle_all();
        break;
    }
}

static struct nc_vector vector_of(struct node *n) { return *nc_intake_vector(n->in); }

static void a_schedule(uint64_t number)
{
    seed = number * 0x9e3779b97f4a7c15u + 1;
    mesh_up("sqlite");
    for (unsigned i = 0; i < 60; i++)
        step();
    drop_letters();
    heal();
    for (unsigned i = 0; i < NODES; i++) {
        struct nc_vector mine = vector_of(&nodes[i]), first = vector_of(&nodes[0]);
        if (!agree(0, i) || nc_vector_compare(&mine, &first) != NC_VECTOR_SAME)
            fail_msg("seed %llu: node %u has something else", (unsigned long long)number,
                     i);
        assert_int_equal(refused_of(&nodes[i], NC_INTAKE_FORK), 0);
        assert_int_equal(refused_of(&nodes[i], NC_INTAKE_SIGNATURE), 0);
        assert_int_equal(refused_of(&nodes[i], NC_INTAKE_RECORD), 0);
        assert_int_equal(nc_intake_stats(nodes[i].in).bytes, 0);
    }
    /* What is in memory is what a restart finds. */
    node_down(&nodes[1]);
    node_up(&nodes[1]);
    assert_true(agree(0, 1));
    mesh_down(NULL);
}

static void whatever_the_wire_does_they_agree(void **state)
{
    const char *from = getenv("NEURALCHAT_MESH_SEED");
    const char *rounds = getenv("NEURALCHAT_MESH_ROUNDS");
    uint64_t first = from ? strtoull(from, NULL, 10) : 1;
    uint64_t n = rounds ? strtoull(rounds, NULL, 10) : 6;

    (void)state;
    for (uint64_t i = first; i < first + n; i++)
        a_schedule(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_wire_does_they_agree),
    };
    return cmocka_run_group_tests_name("intake_property", tests, NULL, NULL);
}
