#include "mesh/link_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/tls.h"

static bool is_address(const char *host)
{
    unsigned char raw[16];

    return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

/* The library frees its SSL before anybody can ask it. */
static int on_verify(int ok, X509_STORE_CTX *chain)
{
    const SSL *ssl =
        X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    int *verdict = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (!ok)
        *verdict = X509_STORE_CTX_get_error(chain);
    return ok;
}

struct ssl_ctx_st *nc_link_tls_new(const char *host, int *verdict)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_app_data(ctx, verdict);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
    /* OpenSSL itself checks the name, within the chain's verification. */
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if ((is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                          : X509_VERIFY_PARAM_set1_host(param, host, 0)) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

const char *nc_link_tls_trust(struct ssl_ctx_st *ctx, const char *ca)
{
    X509_STORE *store = X509_STORE_new();

    ERR_clear_error();
    if (store &&
        (ca ? X509_STORE_load_file(store, ca) : X509_STORE_set_default_paths(store)) == 1) {
        SSL_CTX_set_cert_store(ctx, store);
        return NULL;
    }
    X509_STORE_free(store);
    return nc_tls_error();
}

const char *nc_link_tls_why(int verdict)
{
    return verdict == X509_V_OK ? NULL : X509_verify_cert_error_string(verdict);
}
