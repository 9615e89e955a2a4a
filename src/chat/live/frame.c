#include "chat/live/frame.h"

#include "chat/live/cursor.h"
#include "wire/sse.h"
#include "wire/ws.h"
#include "wire/ws_deflate.h"

enum {
    DEFLATE_MIN = 256, /* shorter events gain less than the receiver's inflating costs */
    WINDOW = 15,
};

void nc_framer_fini(struct nc_framer *f) { nc_buf_fini(&f->scratch); }

static void add_ws(struct nc_framer *f, struct nc_buf *out, uint64_t seq, const char *type,
                   struct nc_str json)
{
    (void)f, (void)seq, (void)type;
    nc_ws_write(out, &(struct nc_ws_opts){.op = NC_WS_TEXT}, json);
}

static void add_deflate(struct nc_framer *f, struct nc_buf *out, uint64_t seq,
                        const char *type, struct nc_str json)
{
    nc_buf_clear(&f->scratch);
    if (json.n < DEFLATE_MIN || nc_ws_deflate_run(&f->scratch, json, WINDOW) != NC_OK) {
        add_ws(f, out, seq, type, json);
        return;
    }
    nc_ws_write(out, &(struct nc_ws_opts){.op = NC_WS_TEXT, .deflated = true},
                nc_buf_str(&f->scratch));
}

static void add_sse(struct nc_framer *f, struct nc_buf *out, uint64_t seq, const char *type,
                    struct nc_str json)
{
    (void)f;
    nc_sse_write(out, seq ? nc_cursor_of(json) : (struct nc_str){NULL, 0}, nc_str(type),
                 json);
}

static void add_json(struct nc_framer *f, struct nc_buf *out, uint64_t seq,
                     const char *type, struct nc_str json)
{
    (void)f, (void)seq, (void)type;
    nc_buf_adds(out, json);
    nc_buf_addc(out, ',');
}

void nc_framer_add(struct nc_framer *f, struct nc_buf *out, enum nc_encoding encoding,
                   uint64_t seq, const char *type, struct nc_str json)
{
    static void (*const add[NC_ENCODINGS])(struct nc_framer *, struct nc_buf *, uint64_t,
                                           const char *, struct nc_str) = {
        [NC_ENC_WS] = add_ws,
        [NC_ENC_DEFLATE] = add_deflate,
        [NC_ENC_SSE] = add_sse,
        [NC_ENC_JSON] = add_json,
    };
    add[encoding](f, out, seq, type, json);
}
