#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mesh/envelope.h"
#include "mesh/frame.h"
#include "mesh/squeeze.h"
#include "mesh/vector_json.h"
#include "mesh_rows.h"
#include "store/state.h"

static struct nc_frame out, in, other;
static struct nc_buf bytes;

/* What `out` says, said and heard. */
static void round_trip(void)
{
    nc_buf_clear(&bytes);
    assert_int_equal(nc_frame_add(&bytes, &out, NULL), NC_OK);
    /* What it was before does not shine through. */
    memset(&in.hello, 0xa5, sizeof in - offsetof(struct nc_frame, hello));
    const char *why = "";
    enum nc_err e = nc_frame_parse(nc_buf_str(&bytes), NULL, &in, &why);
    assert_string_equal(why, "");
    assert_int_equal(e, NC_OK);
    assert_int_equal(in.type, out.type);
    /* Cut short anywhere it is nothing; nor may anything follow. */
    size_t step = bytes.n > 1000 ? bytes.n / 500 : 1;
    for (size_t n = 0; n < bytes.n; n += step)
        assert_int_equal(nc_frame_parse((struct nc_str){bytes.p, n}, NULL, &other, &why),
                         NC_EINVAL);
    if (bytes.n < NC_FRAME_MAX) {
        nc_buf_addc(&bytes, 0);
        assert_int_equal(nc_frame_parse(nc_buf_str(&bytes), NULL, &other, &why), NC_EINVAL);
        bytes.n--;
    }
}

static void refused(enum nc_err as, const char *word)
{
    const char *why = "";

    nc_buf_clear(&bytes);
    assert_int_equal(nc_frame_add(&bytes, &out, NULL), NC_OK);
    assert_int_equal(nc_frame_parse(nc_buf_str(&bytes), NULL, &in, &why), as);
    assert_string_equal(why, word);
}

static void start(enum nc_frame_type type)
{
    memset(&out, 0, sizeof out);
    out.type = type;
}

static void put(struct nc_vector *v, unsigned of, uint64_t n)
{
    struct nc_id id = mesh_id(1, of);
    assert_int_equal(nc_vector_set(v, &id, n), NC_OK);
}

static void hello(void **state)
{
    (void)state;
    start(NC_FRAME_HELLO);
    out.hello.node = mesh_id(9, 1);
    out.hello.name = NC_STR("дом");
    out.hello.version = NC_STR("0.2.0");
    out.hello.wall_ms = MESH_MS;
    put(&out.hello.vector, 1, 7);
    put(&out.hello.vector, 2, INT64_MAX);
    out.hello.routes[0] = NC_STR("wss://chat.example/mesh");
    out.hello.routes_n = 1;
    round_trip();
    assert_true(nc_id_eq(&in.hello.node, &out.hello.node));
    assert_true(nc_str_eq(in.hello.name, out.hello.name));
    assert_true(nc_str_eq(in.hello.version, out.hello.version));
    assert_int_equal(in.hello.wall_ms, MESH_MS);
    assert_int_equal(nc_vector_compare(&in.hello.vector, &out.hello.vector),
                     NC_VECTOR_SAME);
    assert_int_equal(in.hello.routes_n, 1);
    assert_true(nc_str_eq(in.hello.routes[0], out.hello.routes[0]));

    out.hello.name = NC_STR("");
    refused(NC_EINVAL, "name");
    out.hello.name = NC_STR("a\nb");
    refused(NC_EINVAL, "name");
    out.hello.name = NC_STR("a\xff");
    refused(NC_EINVAL, "name");
    out.hello.name = NC_STR("a");
    out.hello.routes[0] = NC_STR("");
    refused(NC_EINVAL, "routes");
    memset(&out.hello.node, 0, sizeof out.hello.node);
    refused(NC_EINVAL, "node");
}

static void origins(void **state)
{
    struct nc_identity ada;

    (void)state;
    nc_identity_make(&ada);
    start(NC_FRAME_ORIGINS);
    for (out.origins.n = 0; out.origins.n < 3; out.origins.n++) {
        struct nc_origin *o = &out.origins.at[out.origins.n];
        o->node = mesh_id(9, 1);
        o->origin = mesh_id(1, out.origins.n);
        o->hlc = 1 + out.origins.n;
        nc_origin_sign(o, &ada);
    }
    round_trip();
    assert_int_equal(in.origins.n, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(nc_origin_verify(&in.origins.at[i], ada.key, NULL), NC_OK);
}

static void vectors(void **state)
{
    (void)state;
    start(NC_FRAME_VECTOR);
    round_trip();
    assert_int_equal(in.vector.n, 0);
    for (unsigned i = 0; i < NC_VECTOR_MAX; i++)
        put(&out.vector, i, i + 1);
    round_trip();
    assert_int_equal(nc_vector_compare(&in.vector, &out.vector), NC_VECTOR_SAME);

    start(NC_FRAME_ACK);
    put(&out.ack.vector, 3, 9);
    out.ack.room = 1u << 20;
    round_trip();
    assert_int_equal(nc_vector_compare(&in.ack.vector, &out.ack.vector), NC_VECTOR_SAME);
    assert_int_equal(in.ack.room, 1u << 20);
}

static void formers(void **state)
{
    (void)state;
    assert_int_equal(NC_FRAME_FORMER, 16);
    assert_string_equal(nc_frame_name(NC_FRAME_FORMER), "former");
    start(NC_FRAME_FORMER);
    round_trip(); /* of nobody any more */
    assert_int_equal(in.vector.n, 0);
    for (unsigned i = 0; i < NC_ORIGINS_MAX; i++)
        put(&out.vector, i, i + 1);
    round_trip();
    assert_int_equal(nc_vector_compare(&in.vector, &out.vector), NC_VECTOR_SAME);
    out.vector.at[9].n = 0;
    refused(NC_EINVAL, "number");
}

static void heads(void **state)
{
    uint8_t chain[NC_SHA256];

    (void)state;
    memset(chain, 7, sizeof chain);
    assert_int_equal(NC_FRAME_HEADS, 17);
    start(NC_FRAME_HEADS);
    round_trip();
    for (unsigned i = 0; i < NC_ORIGINS_MAX; i++) {
        struct nc_id origin = mesh_id(1, i);
        chain[0] = (uint8_t)i;
        out.heads.at[out.heads.n++] = nc_head_of(&origin, i ? i : INT64_MAX, chain);
    }
    round_trip();
    assert_int_equal(in.heads.n, NC_ORIGINS_MAX);
    for (unsigned i = 0; i < NC_ORIGINS_MAX; i++) {
        const struct nc_head *x = &out.heads.at[i], *y = &in.heads.at[i];
        assert_true(nc_id_eq(&x->origin, &y->origin));
        assert_int_equal(x->n, y->n);
        assert_memory_equal(x->tag, y->tag, NC_HEAD_TAG);
    }
    out.heads.at[9].n = 0;
    refused(NC_EINVAL, "number");
    out.heads.at[9].n = (uint64_t)INT64_MAX + 1;
    refused(NC_EINVAL, "number");
    memset(&out.heads.at[5].origin, 0, sizeof out.heads.at[5].origin);
    refused(NC_EINVAL, "origin");
    static const char million[] = {1, NC_FRAME_HEADS, (char)0xc0, (char)0x84, 0x3d, 1, 2};
    const char *why = "";
    assert_int_equal(
        nc_frame_parse((struct nc_str){million, sizeof million}, NULL, &in, &why),
        NC_EINVAL);
    assert_string_equal(why, "many");
}

static void a_vector_that_lies_is_refused_by_name(void **state)
{
    (void)state;
    start(NC_FRAME_VECTOR);
    out.vector.n = 2; /* the same origin twice */
    out.vector.at[0] = out.vector.at[1] = (struct nc_vector_at){mesh_id(1, 1), 5};
    refused(NC_EINVAL, "twice");
    out.vector.at[1] = (struct nc_vector_at){mesh_id(1, 2), 0};
    refused(NC_EINVAL, "number");
    out.vector.at[1].n = (uint64_t)INT64_MAX + 1;
    refused(NC_EINVAL, "number");
    out.vector.at[1] = (struct nc_vector_at){{{0}}, 1};
    refused(NC_EINVAL, "origin");
    /* It says that there are a million of them. */
    static const char million[] = {1, NC_FRAME_VECTOR, (char)0xc0, (char)0x84, 0x3d, 1, 2};
    const char *why = "";
    assert_int_equal(
        nc_frame_parse((struct nc_str){million, sizeof million}, NULL, &in, &why),
        NC_EINVAL);
    assert_string_equal(why, "many");
}

static void wants(void **state)
{
    (void)state;
    start(NC_FRAME_WANT);
    out.want.n = 2;
    out.want.room = 65536;
    out.want.ranges[0] = (struct nc_vector_range){mesh_id(1, 1), 1, 1};
    out.want.ranges[1] = (struct nc_vector_range){mesh_id(1, 2), 5, INT64_MAX};
    round_trip();
    assert_int_equal(in.want.n, 2);
    assert_int_equal(in.want.room, 65536);
    assert_int_equal(in.want.ranges[1].from, 5);
    assert_int_equal(in.want.ranges[1].to, INT64_MAX);
    out.want.ranges[0].from = 0;
    refused(NC_EINVAL, "number");
    out.want.ranges[0] = (struct nc_vector_range){mesh_id(1, 1), 2, 1};
    refused(NC_EINVAL, "number");
}

/* ---- segments ------------------------------------------------------------ */

static struct nc_identity ada;

/* Signed rows 1..n, each with a record of `size` bytes, of which the hash is. */
static void segment(unsigned n, size_t size, struct nc_buf *text)
{
    static const struct nc_id node = {{9}}, origin = {{1, [15] = 1}};
    uint8_t head[NC_SHA256];

    nc_identity_make(&ada);
    start(NC_FRAME_SEGMENT);
    mesh_fill(&out.segment, &node, &origin, 1, n);
    while (text->n < size + n)
        nc_buf_addc(text, (char)('a' + text->n % 26));
    for (unsigned i = 0; i < n; i++) {
        struct nc_mesh_row *r = &out.segment.rows[i];
        r->is = size ? NC_RECORD_HERE : NC_RECORD_ERASED;
        r->record = (struct nc_str){text->p + i, size};
        if (size)
            nc_sha256(r->record.p, r->record.n, r->ev.body_hash);
    }
    assert_int_equal(nc_segment_sign(&out.segment, &ada, head, NULL), NC_OK);
}

static void heard_it_verifies(void)
{
    uint8_t head[NC_SHA256];
    const char *why = "";

    in.segment.node = out.segment.node;
    enum nc_err e = nc_segment_verify(&in.segment, ada.key, NULL, head, &why);
    assert_string_equal(why, "");
    assert_int_equal(e, NC_OK);
}

static void a_segment_arrives_as_it_was_signed(void **state)
{
    struct nc_buf text = {0};

    (void)state;
    segment(40, 200, &text);
    round_trip();
    heard_it_verifies();
    for (unsigned i = 0; i < 40; i++)
        assert_true(nc_str_eq(in.segment.rows[i].record, out.segment.rows[i].record));
    nc_buf_fini(&text);
}

static void rows_of_every_kind_arrive(void **state)
{
    struct nc_buf text = {0};
    uint8_t head[NC_SHA256];

    (void)state;
    segment(9, 0, &text);
    struct nc_mesh_row *r = out.segment.rows;
    r[0].ev.ref = (struct nc_id){{0}};
    r[1].ev.to = r[1].ev.ref;
    r[2].ev.subject = r[2].ev.actor;
    r[3].ev.hlc -= (uint64_t)100000 << 12; /* its clock had been ahead */
    r[3].ev.reason = UINT32_MAX;
    r[4].ev.kind = (enum nc_event_kind)UINT16_MAX;
    r[4].ev.audience = NC_AUD_DEVICE;
    memset(r[5].ev.body_hash, 0, sizeof r[5].ev.body_hash);
    r[5].is = NC_RECORD_NONE;
    r[6].is = NC_RECORD_SUPERSEDED;
    r[7].is = NC_RECORD_LARGE;
    r[7].size = NC_RECORD_MAX;
    r[8].ev.hlc = INT64_MAX;
    assert_int_equal(nc_segment_sign(&out.segment, &ada, head, NULL), NC_OK);
    r[2].hash_only = true;
    round_trip();
    heard_it_verifies();
    for (unsigned i = 0; i < 9; i++)
        if (!r[i].hash_only)
            assert_int_equal(in.segment.rows[i].is, r[i].is);
    assert_true(in.segment.rows[2].hash_only);
    assert_int_equal(in.segment.rows[7].size, NC_RECORD_MAX);
    nc_buf_fini(&text);
}

static void it_may_come_without_what_it_continues(void **state)
{
    struct nc_buf text = {0};

    (void)state;
    segment(3, 10, &text);
    round_trip();
    size_t whole = bytes.n;
    assert_true(in.segment.has_prev);
    out.segment.has_prev = false;
    round_trip();
    assert_int_equal(whole - bytes.n, NC_SHA256);
    assert_false(in.segment.has_prev);
    heard_it_verifies();
    nc_buf_fini(&text);
}

static void records_that_find_no_room_are_left_for_later(void **state)
{
    struct nc_buf text = {0};
    unsigned here = 0, large = 0;

    (void)state;
    segment(NC_SEGMENT_MAX, 3000, &text);
    round_trip();
    assert_true(bytes.n <= NC_FRAME_MAX);
    heard_it_verifies();
    for (unsigned i = 0; i < NC_SEGMENT_MAX; i++) {
        struct nc_mesh_row *r = &in.segment.rows[i];
        here += r->is == NC_RECORD_HERE;
        large += r->is == NC_RECORD_LARGE && r->size == 3000;
    }
    assert_int_equal(here + large, NC_SEGMENT_MAX);
    assert_true(here > 60 && large > 0);

    segment(1, 512 * 1024, &text);
    round_trip();
    heard_it_verifies();
    assert_int_equal(in.segment.rows[0].is, NC_RECORD_LARGE);
    assert_int_equal(in.segment.rows[0].size, 512 * 1024);
    nc_buf_fini(&text);
}

static void a_changed_record_is_seen_by_the_signature(void **state)
{
    struct nc_buf text = {0};
    uint8_t head[NC_SHA256];

    (void)state;
    segment(2, 200, &text);
    round_trip();
    bytes.p[bytes.n - 5] ^= 1;
    assert_int_equal(nc_frame_parse(nc_buf_str(&bytes), NULL, &in, NULL), NC_OK);
    in.segment.node = out.segment.node;
    assert_int_equal(nc_segment_verify(&in.segment, ada.key, NULL, head, NULL), NC_EACCESS);
    nc_buf_fini(&text);
}

/* The record of the message that a row announces, 200 bytes long. */
static void message_of(const struct nc_event *ev, struct nc_buf *to)
{
    static char text[200];
    struct nc_record r = {.kind = NC_STATE_MESSAGE};

    memset(text, 'x', sizeof text);
    r.message.id = ev->ref;
    r.message.room = ev->to;
    r.message.sender = ev->actor;
    r.message.client_id = mesh_id(7, (unsigned)ev->origin_seq);
    memset(r.message.client_id.b + 8, 0xee, 8);
    r.message.created_ms = ev->hlc >> 12;
    r.message.body = (struct nc_str){text, sizeof text};
    nc_record_bytes(&r, to);
}

static void a_message_costs_what_was_promised(void **state)
{
    static struct nc_buf text[16];
    struct nc_buf none = {0}, sealed = {0};
    uint8_t head[NC_SHA256];

    (void)state;
    for (unsigned n = 1; n <= 16; n += 15) {
        segment(n, 0, &none);
        for (unsigned i = 0; i < n; i++) {
            struct nc_mesh_row *r = &out.segment.rows[i];
            nc_buf_clear(&text[i]);
            message_of(&r->ev, &text[i]);
            r->is = NC_RECORD_HERE;
            r->record = nc_buf_str(&text[i]);
            nc_sha256(r->record.p, r->record.n, r->ev.body_hash);
        }
        assert_int_equal(nc_segment_sign(&out.segment, &ada, head, NULL), NC_OK);
        round_trip();
        heard_it_verifies();
        out.segment.has_prev = false; /* who listens has what came before */
        round_trip();
        struct nc_envelope e = {.sender = mesh_id(9, 1),
                                .epoch_ms = MESH_MS,
                                .counter = 1000000,
                                .wall_ms = MESH_MS + 86400000,
                                .payload = nc_buf_str(&bytes)};
        nc_buf_clear(&sealed);
        nc_envelope_seal(&e, &ada, &sealed);
        print_message("# %u messages of 200 bytes: %zu bytes each\n", n, sealed.n / n);
        assert_true(sealed.n / n <= (n == 1 ? 450 : 310));
    }
    for (unsigned i = 0; i < 16; i++)
        nc_buf_fini(&text[i]);
    nc_buf_fini(&none);
    nc_buf_fini(&sealed);
}

/* ---- squeezing ----------------------------------------------------------- */

static void whatever_is_squeezed_comes_back(void **state)
{
    struct nc_id origin = mesh_id(1, 1);
    struct nc_event ev = mesh_event(&origin, 5);
    struct nc_buf raw = {0}, steps = {0}, back = {0};
    unsigned dice = 1;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        nc_buf_clear(&raw), nc_buf_clear(&steps), nc_buf_clear(&back);
        for (unsigned parts = round % 9; parts > 0; parts--) {
            dice = dice * 1103515245 + 12345;
            static const char noughts[200];
            unsigned much = dice >> 24;
            switch (dice >> 16 & 7) {
            case 0: nc_buf_add(&raw, ev.ref.b, 16); break;
            case 1: nc_buf_add(&raw, ev.to.b, much % 17); break;
            case 2: nc_buf_add(&raw, ev.subject.b, 16); break;
            case 3: nc_buf_add(&raw, noughts, much % 200); break;
            case 4: nc_buf_add(&raw, noughts, much % 9); break;
            case 5: nc_buf_add(&raw, ev.body_hash, 16 + much % 16); break;
            case 6:
                for (unsigned i = 0; i < 8; i++)
                    nc_buf_addc(&raw, (char)((ev.hlc >> 12) >> (56 - 8 * i)));
                break;
            case 7:
                for (unsigned i = 0; i < much; i++)
                    nc_buf_addc(&raw, (char)(i * 7 + 1));
            }
        }
        nc_squeeze(&steps, &ev, nc_buf_str(&raw));
        assert_true(steps.n <= raw.n + raw.n / 128 + 1);
        nc_buf_addc(&steps, 'x'); /* what follows is left */
        struct nc_str in_order = nc_buf_str(&steps);
        assert_true(nc_unsqueeze(&back, &ev, &in_order, raw.n));
        assert_true(nc_str_eqz(in_order, "x"));
        assert_true(nc_str_eq(nc_buf_str(&raw), nc_buf_str(&back)));
        nc_buf_clear(&back);
        in_order.p = steps.p, in_order.n = steps.n - 1;
        assert_false(nc_unsqueeze(&back, &ev, &in_order, raw.n + 1));
        assert_int_equal(back.n, 0);
        assert_int_equal(in_order.n, steps.n - 1);
    }
    nc_buf_fini(&raw), nc_buf_fini(&steps), nc_buf_fini(&back);
}

static void steps_that_are_none_are_refused(void **state)
{
    struct nc_id origin = mesh_id(1, 1);
    struct nc_event ev = mesh_event(&origin, 5);
    struct nc_buf back = {0};

    (void)state;
    static const struct {
        struct nc_str steps;
        size_t size;
    } bad[] = {
        {NC_STR("\x05zz"), 6},                       /* it ends too early */
        {NC_STR(""), 1},       {NC_STR("\xc5"), 16}, /* no such id */
        {NC_STR("\xff"), 16},                        /* no such step */
        {NC_STR("\xbf"), 65},                        /* it is more than that */
        {NC_STR("\x01zz"), 1},
    };
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        struct nc_str steps = bad[i].steps;
        assert_false(nc_unsqueeze(&back, &ev, &steps, bad[i].size));
        assert_int_equal(back.n, 0);
    }
    nc_buf_fini(&back);
}

static bool hash_none(const struct nc_event *ev, struct nc_str record,
                      uint8_t hash[NC_SHA256])
{
    (void)ev, (void)record, (void)hash;
    return false;
}

static void a_record_without_a_hash_is_malformed(void **state)
{
    struct nc_buf text = {0};
    const char *why = "";

    (void)state;
    segment(1, 200, &text);
    round_trip();
    assert_int_equal(nc_frame_parse(nc_buf_str(&bytes), hash_none, &in, &why), NC_EINVAL);
    assert_string_equal(why, "record");
    /* A sender whose records have none sends the hash. */
    nc_buf_clear(&bytes);
    assert_int_equal(nc_frame_add(&bytes, &out, hash_none), NC_OK);
    assert_int_equal(nc_frame_parse(nc_buf_str(&bytes), hash_none, &in, &why), NC_OK);
    heard_it_verifies();
    nc_buf_fini(&text);
}

/* ---- the others ---------------------------------------------------------- */

static void pieces(void **state)
{
    (void)state;
    start(NC_FRAME_ASK);
    out.ask.origin = mesh_id(1, 1);
    out.ask.origin_seq = 9;
    out.ask.at = 131072;
    round_trip();
    assert_int_equal(in.ask.at, 131072);
    out.ask.origin_seq = 0;
    refused(NC_EINVAL, "number");

    start(NC_FRAME_PIECE);
    out.piece.origin = mesh_id(1, 1);
    out.piece.origin_seq = 9;
    out.piece.size = 10;
    out.piece.at = 5;
    out.piece.bytes = NC_STR("12345");
    round_trip();
    assert_true(nc_str_eqz(in.piece.bytes, "12345"));
    out.piece.at = 6;
    refused(NC_EINVAL, "at");
    out.piece.at = UINT64_MAX;
    refused(NC_EINVAL, "at");
    out.piece.at = 0;
    out.piece.size = NC_RECORD_MAX + 1;
    refused(NC_EINVAL, "size");
    out.piece.size = 10;
    out.piece.bytes.n = 0;
    refused(NC_EINVAL, "at");
}

static void ephemeral(void **state)
{
    (void)state;
    start(NC_FRAME_EPHEMERAL);
    out.ephemeral.what = NC_EPHEMERAL_TYPING;
    out.ephemeral.room = mesh_id(2, 1);
    out.ephemeral.json = NC_STR("{\"user\":\"anna\"}");
    round_trip();
    assert_int_equal(in.ephemeral.what, NC_EPHEMERAL_TYPING);
    assert_true(nc_str_eq(in.ephemeral.json, out.ephemeral.json));
    out.ephemeral.json = NC_STR("{\"user\":\"\xc3\"}");
    refused(NC_EINVAL, "json");
    out.ephemeral.json = NC_STR("{}");
    out.ephemeral.what = 0;
    refused(NC_EINVAL, "what");
}

static void error(void **state)
{
    (void)state;
    start(NC_FRAME_ERROR);
    out.error.counter = 12;
    out.error.code = NC_STR("fork");
    out.error.detail = NC_STR("your log continues another past than the one I have");
    round_trip();
    assert_int_equal(in.error.counter, 12);
    assert_true(nc_str_eqz(in.error.code, "fork"));
    out.error.code = NC_STR("Fork!");
    refused(NC_EINVAL, "code");
}

static void probes(void **state)
{
    (void)state;
    for (unsigned i = NC_FRAME_PROBE; i <= NC_FRAME_ECHO; i++) {
        start((enum nc_frame_type)i);
        out.probe = UINT64_MAX - i;
        round_trip();
        assert_int_equal(in.probe, UINT64_MAX - i);
        assert_int_equal(bytes.n, 10);
    }
}

static void relays(void **state)
{
    (void)state;
    start(NC_FRAME_RELAY);
    out.relay.to = mesh_id(9, 2);
    out.relay.envelope = NC_STR("sealed");
    round_trip();
    assert_true(nc_id_eq(&in.relay.to, &out.relay.to));
    assert_true(nc_str_eqz(in.relay.envelope, "sealed"));
    out.relay.envelope.n = 0;
    refused(NC_EINVAL, "envelope");
    out.relay.envelope = NC_STR("sealed");
    memset(&out.relay.to, 0, sizeof out.relay.to);
    refused(NC_EINVAL, "to");
}

static void documents(void **state)
{
    static char much[NC_FRAME_JSON_MAX + 1];

    (void)state;
    start(NC_FRAME_DOCUMENT);
    out.document.rest = NC_STR("jwks");
    out.document.payload = NC_STR("signed");
    round_trip();
    assert_true(nc_str_eqz(in.document.rest, "jwks"));
    assert_true(nc_str_eqz(in.document.payload, "signed"));
    out.document.rest = NC_STR("");
    refused(NC_EINVAL, "rest");
    out.document.rest = NC_STR("a\nb");
    refused(NC_EINVAL, "rest");
    out.document.rest = NC_STR("jwks");
    out.document.payload = NC_STR("");
    refused(NC_EINVAL, "payload");
    out.document.payload = (struct nc_str){much, sizeof much};
    refused(NC_EINVAL, "payload");
}

static void goodbyes_have_no_members(void **state)
{
    (void)state;
    start(NC_FRAME_BYE);
    round_trip();
    assert_int_equal(bytes.n, 2);
    assert_string_equal(nc_frame_name(NC_FRAME_BYE), "bye");
}

static void the_largest_frame_can_be_relayed_but_no_relay_of_it(void **state)
{
    static char much[NC_FRAME_MAX];
    static struct nc_identity by;
    struct nc_buf sealed = {0}, again = {0};

    (void)state;
    nc_identity_make(&by);
    struct nc_envelope e = {.sender = mesh_id(9, 1),
                            .receiver = mesh_id(9, 3),
                            .epoch_ms = MESH_MS,
                            .counter = INT64_MAX,
                            .wall_ms = MESH_MS + 86400000,
                            .payload = {much, sizeof much}};
    nc_envelope_seal(&e, &by, &sealed);
    start(NC_FRAME_RELAY);
    out.relay.to = mesh_id(9, 3);
    out.relay.envelope = nc_buf_str(&sealed);
    round_trip();
    assert_int_equal(in.relay.envelope.n, sealed.n);

    e.payload = nc_buf_str(&bytes); /* which fits an envelope, too */
    nc_envelope_seal(&e, &by, &again);
    out.relay.envelope = nc_buf_str(&again);
    struct nc_buf none = {0};
    assert_int_equal(nc_frame_add(&none, &out, NULL), NC_ELIMIT);
    nc_buf_fini(&sealed), nc_buf_fini(&again), nc_buf_fini(&none);
}

static void later_versions_are_refused_clearly(void **state)
{
    static char much[NC_FRAME_MAX + 1] = {1, 3};
    const char *why = "";

    (void)state;
    assert_int_equal(nc_frame_parse(NC_STR("\2\1"), NULL, &in, &why), NC_EINVAL);
    assert_string_equal(why, "version");
    assert_int_equal(nc_frame_parse(NC_STR("\1\143"), NULL, &in, &why), NC_ENOENT);
    assert_string_equal(why, "type");
    assert_int_equal(nc_frame_parse(NC_STR(""), NULL, &in, &why), NC_EINVAL);
    assert_string_equal(why, "short");
    assert_int_equal(nc_frame_parse((struct nc_str){much, sizeof much}, NULL, &in, &why),
                     NC_ELIMIT);
    assert_string_equal(why, "size");
    assert_string_equal(nc_frame_name(NC_FRAME_WANT), "want");
    assert_string_equal(nc_frame_name((enum nc_frame_type)99), "unknown");
}

static void what_is_too_large_is_not_begun(void **state)
{
    static char much[NC_FRAME_MAX];

    (void)state;
    start(NC_FRAME_PIECE);
    out.piece.origin = mesh_id(1, 1);
    out.piece.origin_seq = 9;
    out.piece.size = sizeof much;
    out.piece.bytes = (struct nc_str){much, sizeof much};
    nc_buf_clear(&bytes);
    nc_buf_addc(&bytes, 'x');
    assert_int_equal(nc_frame_add(&bytes, &out, NULL), NC_ELIMIT);
    assert_int_equal(bytes.n, 1);
}

static void a_vector_as_json(void **state)
{
    struct nc_vector v = {.n = 0}, back;
    struct nc_buf b = {0};
    struct nc_json j = nc_json_to(&b);
    const char *why = "";

    (void)state;
    put(&v, 1, 5), put(&v, 2, INT64_MAX);
    nc_json_vector(&j, &v);
    json_t *parsed = json_loadb(b.p, b.n, 0, NULL);
    assert_int_equal(nc_vector_from_json(parsed, &back, &why), NC_OK);
    assert_int_equal(nc_vector_compare(&v, &back), NC_VECTOR_SAME);
    json_decref(parsed);

    static const struct {
        const char *text, *why;
    } bad[] = {
        {"[1]", "object"},
        {"{\"x\":1}", "origin"},
        {"{\"01940000-0000-7000-8000-000000000001\":0}", "number"},
        {"{\"01940000-0000-7000-8000-000000000001\":-1}", "number"},
        {"{\"01940000-0000-7000-8000-000000000001\":1.5}", "number"},
        {"{\"01940000-0000-7000-8000-00000000000A\":1,"
         "\"01940000-0000-7000-8000-00000000000a\":1}",
         "twice"},
    };
    for (size_t i = 0; i < NC_COUNT(bad); i++) {
        parsed = json_loads(bad[i].text, 0, NULL);
        assert_int_equal(nc_vector_from_json(parsed, &back, &why), NC_EINVAL);
        assert_string_equal(why, bad[i].why);
        assert_int_equal(back.n, 0);
        json_decref(parsed);
    }
    nc_buf_fini(&b);
}

static int end(void **state)
{
    (void)state;
    nc_buf_fini(&bytes);
    nc_frame_fini(&in);
    nc_frame_fini(&other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello),
        cmocka_unit_test(origins),
        cmocka_unit_test(vectors),
        cmocka_unit_test(formers),
        cmocka_unit_test(heads),
        cmocka_unit_test(a_vector_that_lies_is_refused_by_name),
        cmocka_unit_test(wants),
        cmocka_unit_test(a_segment_arrives_as_it_was_signed),
        cmocka_unit_test(rows_of_every_kind_arrive),
        cmocka_unit_test(it_may_come_without_what_it_continues),
        cmocka_unit_test(records_that_find_no_room_are_left_for_later),
        cmocka_unit_test(a_changed_record_is_seen_by_the_signature),
        cmocka_unit_test(a_message_costs_what_was_promised),
        cmocka_unit_test(whatever_is_squeezed_comes_back),
        cmocka_unit_test(steps_that_are_none_are_refused),
        cmocka_unit_test(a_record_without_a_hash_is_malformed),
        cmocka_unit_test(pieces),
        cmocka_unit_test(ephemeral),
        cmocka_unit_test(error),
        cmocka_unit_test(probes),
        cmocka_unit_test(relays),
        cmocka_unit_test(documents),
        cmocka_unit_test(goodbyes_have_no_members),
        cmocka_unit_test(the_largest_frame_can_be_relayed_but_no_relay_of_it),
        cmocka_unit_test(later_versions_are_refused_clearly),
        cmocka_unit_test(what_is_too_large_is_not_begun),
        cmocka_unit_test(a_vector_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
