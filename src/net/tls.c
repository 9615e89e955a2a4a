#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct nc_tls {
    SSL_CTX *ctx;
    char *cert, *key; /* server */
    char *ca;         /* client */
    bool server;
};

/* Forward secrecy only, authenticated encryption only; TLS 1.3 has its own list. */
#define CIPHERS_12                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
/* AES-128 first: 0.63 us a frame instead of 1.30 for ChaCha20 with AES-NI. */
#define CIPHERS_13 \
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

static const unsigned char alpn[] = "\x08http/1.1";

const char *nc_tls_error(void)
{
    static _Thread_local char text[160];
    unsigned long e = ERR_get_error();

    if (e == 0)
        return "no error";
    ERR_error_string_n(e, text, sizeof(text));
    ERR_clear_error();
    return text;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                   const unsigned char *in, unsigned inlen, void *arg)
{
    unsigned char *found;

    (void)ssl;
    (void)arg;
    /* A client that offers only other protocols is talking to somebody else
     * (RFC 7301 3.2; the ALPACA attack). */
    if (SSL_select_next_proto(&found, outlen, alpn, sizeof(alpn) - 1, in, inlen) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Partial writes from a queue that may be joined anew before a retry, and no
     * record buffers while nothing is under way: 34 KB less per idle connection. */
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, CIPHERS_13) != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static enum nc_err readable(const char *path)
{
    if (access(path, R_OK) == 0)
        return NC_OK;
    int err = errno;
    nc_log(NC_ERROR, "tls.file", "path=%s why=%s", nc_log_q(nc_str(path)),
           nc_log_q(nc_str(strerror(err))));
    return err == ENOENT ? NC_ENOENT : NC_EIO;
}

static enum nc_err load_server(SSL_CTX **out, const char *cert, const char *key)
{
    enum nc_err e = readable(cert);
    SSL_CTX *ctx = NULL;

    if (e == NC_OK)
        e = readable(key);
    if (e != NC_OK)
        return e;
    ERR_clear_error();
    ctx = new_ctx(TLS_server_method());
    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        nc_log(NC_ERROR, "tls.load", "cert=%s key=%s why=%s", nc_log_q(nc_str(cert)),
               nc_log_q(nc_str(key)), nc_log_q(nc_str(nc_tls_error())));
        SSL_CTX_free(ctx);
        return NC_EINVAL;
    }
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    /* Resumption by tickets alone: no table that strangers can fill. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    *out = ctx;
    return NC_OK;
}

static enum nc_err load_client(SSL_CTX **out, const char *ca)
{
    enum nc_err e = ca ? readable(ca) : NC_OK;

    if (e != NC_OK)
        return e;
    ERR_clear_error();
    SSL_CTX *ctx = new_ctx(TLS_client_method());
    int ok = ctx != NULL;
    if (ok)
        ok = ca ? SSL_CTX_load_verify_file(ctx, ca) : SSL_CTX_set_default_verify_paths(ctx);
    if (ok != 1) {
        nc_log(NC_ERROR, "tls.load", "ca=%s why=%s", nc_log_q(nc_str(ca)),
               nc_log_q(nc_str(nc_tls_error())));
        SSL_CTX_free(ctx);
        return NC_EINVAL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1);
    *out = ctx;
    return NC_OK;
}

enum nc_err nc_tls_server(struct nc_tls **out, const char *cert, const char *key)
{
    SSL_CTX *ctx;
    enum nc_err e = load_server(&ctx, cert, key);

    *out = NULL;
    if (e != NC_OK)
        return e;
    *out = nc_alloc(sizeof(**out));
    **out = (struct nc_tls){.ctx = ctx,
                            .server = true,
                            .cert = nc_str_dup(nc_str(cert)),
                            .key = nc_str_dup(nc_str(key))};
    return NC_OK;
}

enum nc_err nc_tls_client(struct nc_tls **out, const char *ca)
{
    SSL_CTX *ctx;
    enum nc_err e = load_client(&ctx, ca);

    *out = NULL;
    if (e != NC_OK)
        return e;
    *out = nc_alloc(sizeof(**out));
    **out = (struct nc_tls){.ctx = ctx, .ca = ca ? nc_str_dup(nc_str(ca)) : NULL};
    return NC_OK;
}

enum nc_err nc_tls_reload(struct nc_tls *t)
{
    SSL_CTX *ctx;
    enum nc_err e =
        t->server ? load_server(&ctx, t->cert, t->key) : load_client(&ctx, t->ca);

    if (e != NC_OK)
        return e;
    SSL_CTX_free(t->ctx); /* connections hold references of their own */
    t->ctx = ctx;
    nc_log(NC_INFO, "tls.reloaded", "cert=%s",
           nc_log_q(nc_str(t->server ? t->cert : t->ca)));
    return NC_OK;
}

void nc_tls_free(struct nc_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t->cert);
    free(t->key);
    free(t->ca);
    free(t);
}

static bool verify_name(SSL *ssl, const char *host)
{
    uint8_t ip[16];

    if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    /* SSL_set_tlsext_host_name without its cast */
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)host) == 1;
}

struct ssl_st *nc_tls_ssl(struct nc_tls *t, int fd, const char *host)
{
    SSL *ssl = SSL_new(t->ctx);

    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        goto fail;
    if (t->server) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    if (!host || !verify_name(ssl, host))
        goto fail;
    SSL_set_connect_state(ssl);
    return ssl;

fail:
    nc_log(NC_ERROR, "tls.new", "why=%s", nc_log_q(nc_str(nc_tls_error())));
    SSL_free(ssl);
    return NULL;
}
