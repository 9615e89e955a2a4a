#include "wire/http_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    unsigned status;
    struct nc_str text;
} reasons[] = {
    {101, NC_STR("Switching Protocols")},
    {200, NC_STR("OK")},
    {201, NC_STR("Created")},
    {202, NC_STR("Accepted")},
    {204, NC_STR("No Content")},
    {206, NC_STR("Partial Content")},
    {301, NC_STR("Moved Permanently")},
    {302, NC_STR("Found")},
    {303, NC_STR("See Other")},
    {304, NC_STR("Not Modified")},
    {307, NC_STR("Temporary Redirect")},
    {308, NC_STR("Permanent Redirect")},
    {400, NC_STR("Bad Request")},
    {401, NC_STR("Unauthorized")},
    {403, NC_STR("Forbidden")},
    {404, NC_STR("Not Found")},
    {405, NC_STR("Method Not Allowed")},
    {406, NC_STR("Not Acceptable")},
    {408, NC_STR("Request Timeout")},
    {409, NC_STR("Conflict")},
    {410, NC_STR("Gone")},
    {413, NC_STR("Content Too Large")},
    {415, NC_STR("Unsupported Media Type")},
    {416, NC_STR("Range Not Satisfiable")},
    {417, NC_STR("Expectation Failed")},
    {426, NC_STR("Upgrade Required")},
    {429, NC_STR("Too Many Requests")},
    {431, NC_STR("Request Header Fields Too Large")},
    {500, NC_STR("Internal Server Error")},
    {501, NC_STR("Not Implemented")},
    {503, NC_STR("Service Unavailable")},
    {505, NC_STR("HTTP Version Not Supported")},
    {508, NC_STR("Loop Detected")},
};

struct nc_str nc_http_reason(unsigned status)
{
    for (size_t i = 0; i < NC_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return NC_STR("Unknown");
}

struct nc_str nc_http_date(struct nc_http_date *cache, uint64_t wall_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t second = wall_ms / 1000;

    if (second != cache->second || cache->text[0] == 0) {
        time_t t = (time_t)second;
        struct tm tm;
        char text[64];

        gmtime_r(&t, &tm);
        snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                 days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        memcpy(cache->text, text, sizeof(cache->text));
        cache->second = second;
    }
    return (struct nc_str){cache->text, sizeof(cache->text)};
}

void nc_http_write_header(struct nc_buf *out, struct nc_str name, struct nc_str value)
{
    /* A header that could end early would let its author write the next one. */
    for (size_t i = 0; i < value.n; i++)
        assert(value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != 0);

    char *p = nc_buf_reserve(out, name.n + value.n + 4);
    memcpy(p, name.p, name.n);
    memcpy(p + name.n, ": ", 2);
    if (value.n)
        memcpy(p + name.n + 2, value.p, value.n);
    memcpy(p + name.n + 2 + value.n, "\r\n", 2);
    nc_buf_grew(out, name.n + value.n + 4);
}

void nc_http_write(struct nc_buf *out, const struct nc_http_response *r)
{
    char text[32];
    struct nc_str reason = nc_http_reason(r->status);
    bool close = !r->keep_alive || r->framing == NC_HTTP_UNTIL_CLOSE;

    assert(r->status >= 100 && r->status <= 999);
    nc_buf_add(out, text, (size_t)snprintf(text, sizeof(text), "HTTP/1.1 %u ", r->status));
    nc_buf_adds(out, reason);
    nc_buf_adds(out, NC_STR("\r\n"));
    if (r->date.n)
        nc_http_write_header(out, NC_STR("Date"), r->date);
    if (r->type.n)
        nc_http_write_header(out, NC_STR("Content-Type"), r->type);
    if (r->framing == NC_HTTP_LENGTH) {
        int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)r->length);
        nc_http_write_header(out, NC_STR("Content-Length"),
                             (struct nc_str){text, (size_t)n});
    }
    if (r->framing == NC_HTTP_CHUNKED)
        nc_http_write_header(out, NC_STR("Transfer-Encoding"), NC_STR("chunked"));
    if (close)
        nc_http_write_header(out, NC_STR("Connection"), NC_STR("close"));
    else if (r->minor == 0)
        nc_http_write_header(out, NC_STR("Connection"), NC_STR("keep-alive"));
    for (unsigned i = 0; i < r->n_headers; i++)
        nc_http_write_header(out, r->headers[i].name, r->headers[i].value);
    nc_buf_adds(out, NC_STR("\r\n"));
}
