#include "wire/http_body.h"

#include "wire/z.h"

enum nc_err nc_gzip(struct nc_buf *out, struct nc_str body)
{
    z_stream *z = nc_z_gzip();

    /* zlib counts in 32 bits; nothing of ours is near that, and it is not a promise. */
    if (body.n < 32 || body.n > INT32_MAX)
        return NC_ELIMIT;
    z->next_in = (Bytef *)(uintptr_t)body.p;
    z->avail_in = (uInt)body.n;
    z->next_out = (Bytef *)nc_buf_reserve(out, body.n);
    z->avail_out = (uInt)body.n - 1;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return NC_ELIMIT;
    nc_buf_grew(out, body.n - 1 - z->avail_out);
    return NC_OK;
}

bool nc_gzip_pays(struct nc_str type)
{
    static const char *const types[] = {
        "application/json",          "application/problem+json", "application/javascript",
        "application/manifest+json", "application/wasm",         "image/svg+xml",
        "application/xml",
    };
    struct nc_str t = nc_str_trim(nc_str_cut(&type, ';'));

    /* A stream is flushed event by event: text/event-stream stays plain. */
    if (nc_str_ieq(t, NC_STR("text/event-stream")))
        return false;
    if (t.n > 5 && nc_str_ieq((struct nc_str){t.p, 5}, NC_STR("text/")))
        return true;
    for (size_t i = 0; i < NC_COUNT(types); i++)
        if (nc_str_ieq(t, nc_str(types[i])))
            return true;
    return false;
}
