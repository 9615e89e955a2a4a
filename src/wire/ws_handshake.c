#include "wire/ws_handshake.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

static bool key_valid(struct nc_str key)
{
    if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

static void accept_of(char out[NC_WS_ACCEPT], const char key[24])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[24 + sizeof(guid) - 1], digest[SHA_DIGEST_LENGTH];
    uint8_t base64[NC_WS_ACCEPT + 1];

    memcpy(text, key, 24);
    memcpy(text + 24, guid, sizeof(guid) - 1);
    SHA1(text, sizeof(text), digest);
    EVP_EncodeBlock(base64, digest, sizeof(digest));
    memcpy(out, base64, NC_WS_ACCEPT);
}

enum nc_err nc_ws_handshake(struct nc_ws_handshake *hs, const struct nc_http_head *h,
                            struct nc_problem *why)
{
    const struct nc_http_header *it;
    unsigned at = 0;

    *hs = (struct nc_ws_handshake){0};
    if (!h->upgrade_ws || !nc_str_eqz(nc_http_get(h, "sec-websocket-version"), "13")) {
        nc_problem_set(why, NC_P_UPGRADE_REQUIRED,
                       "this address speaks WebSocket version 13");
        return NC_EINVAL;
    }
    if (h->method != NC_HTTP_GET || h->content_length) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "a WebSocket begins with a GET without body");
        return NC_EINVAL;
    }
    it = nc_http_each(h, "sec-websocket-key", &at);
    if (!it || !key_valid(it->value) || nc_http_each(h, "sec-websocket-key", &at)) {
        nc_problem_set(why, NC_P_BAD_REQUEST, "malformed Sec-WebSocket-Key");
        return NC_EINVAL;
    }
    accept_of(hs->accept, it->value.p);
    for (at = 0; (it = nc_http_each(h, "sec-websocket-extensions", &at));)
        nc_ws_deflate_choose(&hs->deflate, it->value);
    return NC_OK;
}

bool nc_ws_offers(const struct nc_http_head *h, const char *protocol)
{
    const struct nc_http_header *it;

    for (unsigned at = 0; (it = nc_http_each(h, "sec-websocket-protocol", &at));) {
        struct nc_str rest = it->value;

        while (rest.n) /* names are case-sensitive */
            if (nc_str_eqz(nc_str_trim(nc_str_cut(&rest, ',')), protocol))
                return true;
    }
    return false;
}

static void header(struct nc_buf *out, const char *name, struct nc_str value)
{
    nc_buf_adds(out, nc_str(name));
    nc_buf_adds(out, NC_STR(": "));
    nc_buf_adds(out, value);
    nc_buf_adds(out, NC_STR("\r\n"));
}

void nc_ws_welcome(struct nc_buf *out, const struct nc_ws_handshake *hs,
                   struct nc_str protocol, struct nc_str date)
{
    nc_buf_adds(out, NC_STR("HTTP/1.1 101 Switching Protocols\r\n"));
    if (date.n)
        header(out, "Date", date);
    nc_buf_adds(out, NC_STR("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    header(out, "Sec-WebSocket-Accept", (struct nc_str){hs->accept, NC_WS_ACCEPT});
    if (protocol.n)
        header(out, "Sec-WebSocket-Protocol", protocol);
    if (hs->deflate.on) {
        nc_buf_adds(out, NC_STR("Sec-WebSocket-Extensions: "));
        nc_ws_deflate_answer(&hs->deflate, out);
        nc_buf_adds(out, NC_STR("\r\n"));
    }
    nc_buf_adds(out, NC_STR("\r\n"));
}

static void key_of(char out[25], const struct nc_ws_request *r)
{
    EVP_EncodeBlock((uint8_t *)out, r->nonce, sizeof(r->nonce));
}

void nc_ws_request(struct nc_buf *out, const struct nc_ws_request *r)
{
    char key[25];

    key_of(key, r);
    nc_buf_adds(out, NC_STR("GET "));
    nc_buf_adds(out, r->target);
    nc_buf_adds(out, NC_STR(" HTTP/1.1\r\n"));
    header(out, "Host", r->host);
    nc_buf_adds(out, NC_STR("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n"));
    header(out, "Sec-WebSocket-Key", (struct nc_str){key, 24});
    if (r->protocol.n)
        header(out, "Sec-WebSocket-Protocol", r->protocol);
    if (r->deflate)
        header(out, "Sec-WebSocket-Extensions", NC_STR(NC_WS_DEFLATE_OFFER));
    nc_buf_adds(out, r->headers);
    nc_buf_adds(out, NC_STR("\r\n"));
}

enum nc_err nc_ws_agreed(struct nc_ws_deflate *d, const struct nc_ws_request *r,
                         const struct nc_http_reply *reply)
{
    char key[25], accept[NC_WS_ACCEPT];
    unsigned at = 0;
    const struct nc_http_header *it;

    *d = (struct nc_ws_deflate){0};
    key_of(key, r);
    accept_of(accept, key);
    if (reply->status != 101 || !reply->head.upgrade_ws ||
        !nc_str_eq(nc_http_get(&reply->head, "sec-websocket-accept"),
                   (struct nc_str){accept, NC_WS_ACCEPT}) ||
        !nc_str_eq(nc_http_get(&reply->head, "sec-websocket-protocol"), r->protocol))
        return NC_EINVAL;
    it = nc_http_each(&reply->head, "sec-websocket-extensions", &at);
    if (!it)
        return NC_OK;
    if (!r->deflate || nc_http_each(&reply->head, "sec-websocket-extensions", &at))
        return NC_EINVAL;
    return nc_ws_deflate_agreed(d, it->value);
}
