#include "wire/z.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Messages are small: a hash table of 2^(MEM + 6) entries is cleared for each. */
#define MEM 6
#define LEVEL 5

struct streams {
    z_stream in, out, gzip;
    bool in_ready, out_ready, gzip_ready;
    unsigned out_bits;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_thread_end(void *arg)
{
    struct streams *s = arg;

    if (s->in_ready)
        inflateEnd(&s->in);
    if (s->out_ready)
        deflateEnd(&s->out);
    if (s->gzip_ready)
        deflateEnd(&s->gzip);
    free(s);
}

static void make_key(void)
{
    int e = pthread_key_create(&key, on_thread_end);
    assert(e == 0);
    (void)e;
}

static struct streams *mine(void)
{
    pthread_once(&once, make_key);
    struct streams *s = pthread_getspecific(key);

    if (!s) {
        s = nc_alloc(sizeof(*s));
        pthread_setspecific(key, s);
    }
    return s;
}

/* zlib fails to start only without memory, or by our own mistake. */
static void need(int rc)
{
    if (rc != Z_OK)
        abort();
}

z_stream *nc_z_inflate(void)
{
    struct streams *s = mine();

    need(s->in_ready ? inflateReset(&s->in) : inflateInit2(&s->in, -15));
    s->in_ready = true;
    return &s->in;
}

static void start(z_stream *z, int bits, int mem)
{
    need(deflateInit2(z, LEVEL, Z_DEFLATED, bits, mem, Z_DEFAULT_STRATEGY));
}

z_stream *nc_z_deflate(unsigned bits)
{
    struct streams *s = mine();

    assert(bits >= 9 && bits <= 15);
    if (s->out_ready && s->out_bits == bits) {
        need(deflateReset(&s->out));
        return &s->out;
    }
    if (s->out_ready) {
        deflateEnd(&s->out);
        s->out = (z_stream){0};
    }
    start(&s->out, -(int)bits, MEM);
    s->out_ready = true;
    s->out_bits = bits;
    return &s->out;
}

z_stream *nc_z_gzip(void)
{
    struct streams *s = mine();

    if (s->gzip_ready)
        need(deflateReset(&s->gzip));
    else
        start(&s->gzip, 15 + 16, 8);
    s->gzip_ready = true;
    return &s->gzip;
}
