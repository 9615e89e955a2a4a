/* TLS over a socket pair: our server, our client, and OpenSSL's ideas of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/selfsigned.h"
#include "loop/loop.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/tls.h"

static char dir[] = "/tmp/nc-tls-XXXXXX";
static char cert[64], key[64], other_cert[64], other_key[64];

struct end {
    struct nc_conn *c;
    struct nc_buf got;
    unsigned opened, drained, gone;
    const char *why;
    size_t expect; /* close when so much was got */
    bool echo;
};

struct world {
    struct nc_loop *loop;
    struct nc_listeners *ls;
    struct nc_tls *server, *client;
    struct end in, out;
    struct nc_addr at;
};

static void on_open(void *owner) { ((struct end *)owner)->opened++; }

static size_t on_data(void *owner, char *p, size_t n)
{
    struct end *e = owner;
    struct nc_str s = {p, n};

    nc_buf_add(&e->got, p, n);
    if (e->echo)
        assert_int_equal(nc_conn_send(e->c, &s, 1), NC_OK);
    if (e->expect && e->got.n >= e->expect)
        nc_conn_close(e->c, "enough");
    return n;
}

static void on_drained(void *owner) { ((struct end *)owner)->drained++; }

static void on_gone(void *owner, const char *why)
{
    struct end *e = owner;

    e->gone++;
    e->why = why;
    e->c = NULL;
}

static const struct nc_conn_ops ops = {
    .open = on_open, .data = on_data, .drained = on_drained, .gone = on_gone};

static void on_accept(void *arg, int fd, const struct nc_addr *peer, void *tag)
{
    struct world *w = arg;

    (void)tag;
    w->in.c = nc_conn_new(w->loop, fd, peer, w->server, w->ls, &ops, &w->in);
    nc_conn_limit(w->in.c, 64u << 20, 1 << 16);
    nc_listeners_close(w->ls);
}

static void start(struct world *w, const char *ca)
{
    memset(w, 0, sizeof(*w));
    assert_int_equal(nc_loop_new(&w->loop), NC_OK);
    assert_int_equal(nc_tls_server(&w->server, cert, key), NC_OK);
    assert_int_equal(nc_tls_client(&w->client, ca), NC_OK);
    w->ls = nc_listeners_new(w->loop, &(struct nc_listeners_opts){0}, on_accept, w);
    assert_int_equal(nc_listeners_add(w->ls, NC_STR("127.0.0.1:0"), NULL, &w->at), NC_OK);
}

static void dial(struct world *w, const char *host, bool tls)
{
    w->out.c = nc_conn_dial(w->loop, host, w->at.port, tls ? w->client : NULL, 5000, &ops,
                            &w->out);
}

static void finish(struct world *w)
{
    assert_int_equal(w->in.gone, 1);
    assert_int_equal(w->out.gone, 1);
    nc_buf_fini(&w->in.got);
    nc_buf_fini(&w->out.got);
    nc_listeners_free(w->ls);
    nc_tls_free(w->server);
    nc_tls_free(w->client);
    nc_loop_free(w->loop);
}

#define BIG (3u << 20)

static void test_much_goes_through_in_order(void **state)
{
    struct world w;
    struct nc_blob *big = nc_blob_alloc(BIG);
    struct nc_str head = NC_STR("0123456789");

    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big->p[i] = (char)(i * 7 + (i >> 11));
    start(&w, cert);
    dial(&w, "localhost", true);
    nc_conn_limit(w.out.c, 64u << 20, 1 << 16);
    assert_int_equal(nc_conn_send(w.out.c, &head, 1), NC_OK);
    assert_int_equal(nc_conn_send_blobs(w.out.c, &big, 1), NC_OK);
    w.in.echo = true;
    w.out.expect = BIG + 10;
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 1);
    assert_int_equal(w.in.opened, 1);
    assert_int_equal(w.out.got.n, BIG + 10);
    assert_memory_equal(w.out.got.p, "0123456789", 10);
    assert_memory_equal(w.out.got.p + 10, big->p, BIG);
    assert_true(w.out.drained >= 1);
    assert_string_equal(w.in.why, "peer closed");
    assert_int_equal(big->refs, 1);
    nc_blob_unref(big);
    finish(&w);
}

static void test_close_delivers_the_last_bytes(void **state)
{
    struct world w;
    struct nc_blob *big = nc_blob_alloc(BIG);

    (void)state;
    memset(big->p, 'x', BIG);
    start(&w, cert);
    dial(&w, "127.0.0.1", true); /* the certificate names addresses too */
    w.in.expect = 1;
    struct nc_str one = NC_STR("1");
    nc_conn_send(w.out.c, &one, 1);
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 1);
    finish(&w);

    start(&w, cert);
    dial(&w, "localhost", true);
    w.in.expect = BIG;
    assert_int_equal(nc_conn_send_blobs(w.out.c, &big, 1), NC_OK);
    nc_loop_run(w.loop);
    assert_int_equal(w.in.got.n, BIG);
    nc_blob_unref(big);
    finish(&w);
}

static void test_strangers_are_not_trusted(void **state)
{
    struct world w;

    (void)state;
    start(&w, NULL); /* the system's authorities don't know it */
    dial(&w, "localhost", true);
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 0);
    assert_string_equal(w.out.why, "certificate not trusted");
    finish(&w);

    start(&w, other_cert);
    dial(&w, "localhost", true);
    nc_loop_run(w.loop);
    assert_string_equal(w.out.why, "certificate not trusted");
    finish(&w);
}

static void test_another_name_is_not_trusted(void **state)
{
    struct world w;

    (void)state;
    start(&w, other_cert);
    nc_tls_free(w.server);
    assert_int_equal(nc_tls_server(&w.server, other_cert, other_key), NC_OK);
    dial(&w, "localhost", true); /* trusted, but it says other.example */
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 0);
    assert_string_equal(w.out.why, "certificate not trusted");
    finish(&w);
}

static void test_plain_talk_to_a_tls_port_fails(void **state)
{
    struct world w;
    struct nc_str s = NC_STR("GET / HTTP/1.1\r\n\r\n");

    (void)state;
    start(&w, cert);
    dial(&w, "127.0.0.1", false);
    assert_int_equal(nc_conn_send(w.out.c, &s, 1), NC_OK);
    nc_loop_run(w.loop);
    assert_int_equal(w.in.opened, 0);
    assert_string_equal(w.in.why, "handshake failed");
    finish(&w);
}

static void test_reloading_keeps_what_runs_and_survives_a_bad_file(void **state)
{
    struct world w;
    struct nc_str one = NC_STR("1");
    char there[80];

    (void)state;
    start(&w, cert);
    dial(&w, "localhost", true);
    w.in.expect = 1;
    assert_int_equal(nc_tls_reload(w.server), NC_OK);
    snprintf(there, sizeof(there), "%s.away", cert);
    assert_int_equal(rename(cert, there), 0);
    assert_int_equal(nc_tls_reload(w.server), NC_ENOENT);
    assert_int_equal(rename(there, cert), 0);
    nc_conn_send(w.out.c, &one, 1);
    nc_loop_run(w.loop);
    assert_int_equal(w.out.opened, 1);
    assert_int_equal(w.in.got.n, 1);
    finish(&w);
}

static void test_files_that_do_not_fit_are_refused(void **state)
{
    struct nc_tls *t;

    (void)state;
    assert_int_equal(nc_tls_server(&t, cert, other_key), NC_EINVAL);
    assert_null(t);
    assert_int_equal(nc_tls_server(&t, cert, "/no/such/key"), NC_ENOENT);
    assert_int_equal(nc_tls_server(&t, key, key), NC_EINVAL);
    assert_int_equal(nc_tls_client(&t, key), NC_EINVAL);
}

/* The hello of a client that OpenSSL was told to make so. */
static void refuse_client(int max_version, const char *alpn)
{
    struct world w;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    struct nc_addr peer = {.kind = NC_ADDR_UNIX};
    int fd[2];

    start(&w, cert);
    nc_listeners_close(w.ls);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    w.in.c = nc_conn_new(w.loop, fd[0], &peer, w.server, NULL, &ops, &w.in);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd[1]);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    nc_loop_run(w.loop);
    assert_int_equal(w.in.opened, 0);
    assert_string_equal(w.in.why, "handshake failed");
    SSL_free(ssl);
    close(fd[1]);
    SSL_CTX_free(ctx);
    w.out.gone = 1;
    finish(&w);
}

static void test_old_versions_and_other_protocols_are_refused(void **state)
{
    (void)state;
    refuse_client(TLS1_1_VERSION, "\x08http/1.1");
    refuse_client(TLS1_3_VERSION, "\x02h2");
}

static int make_certificates(void **state)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    static const char *const other[] = {"other.example"};

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    snprintf(other_cert, sizeof(other_cert), "%s/other.pem", dir);
    snprintf(other_key, sizeof(other_key), "%s/other-key.pem", dir);
    return nc_selfsigned_make(cert, key, names, 2) == NC_OK &&
                   nc_selfsigned_make(other_cert, other_key, other, 1) == NC_OK
               ? 0
               : -1;
}

static int remove_certificates(void **state)
{
    (void)state;
    unlink(cert);
    unlink(key);
    unlink(other_cert);
    unlink(other_key);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_much_goes_through_in_order),
        cmocka_unit_test(test_close_delivers_the_last_bytes),
        cmocka_unit_test(test_strangers_are_not_trusted),
        cmocka_unit_test(test_another_name_is_not_trusted),
        cmocka_unit_test(test_plain_talk_to_a_tls_port_fails),
        cmocka_unit_test(test_reloading_keeps_what_runs_and_survives_a_bad_file),
        cmocka_unit_test(test_files_that_do_not_fit_are_refused),
        cmocka_unit_test(test_old_versions_and_other_protocols_are_refused),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
