/*
 * bench/load: many WebSocket clients in one thread.
 *
 * load_ws.c opens connections and takes frames apart, load.c decides who publishes when
 * and counts.  A message's text begins with @@, its publisher and its number, so that
 * each delivery tells which message it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_RECENT 1024 /* messages of a publisher whose times are remembered */

struct publisher {
    uint32_t next, done; /* numbers: the next to send, how many are answered */
    uint64_t at[LOAD_RECENT];
};

enum client_state { CLIENT_UPGRADING, CLIENT_GREETING, CLIENT_OPEN, CLIENT_GONE };

struct ssl_st;
struct ssl_ctx_st;

struct client {
    int fd;
    unsigned port;      /* of its own; 0: the one of all */
    struct ssl_st *ssl; /* NULL: plain */
    enum client_state state;
    uint32_t nth;
    char *path, *token, *room; /* token and room: NULL for servers that know none */
    unsigned room_nth;
    struct publisher *publisher; /* NULL: only listens */
    char *in;                    /* the beginning of a frame */
    size_t in_n, in_cap;
};

struct load_ws {
    int epoll;
    unsigned port;
    bool use_tls;
    struct ssl_ctx_st *tls;
    struct client *clients;
    unsigned n, opened, open, gone;
    uint64_t reads;
    uint64_t idle_ns; /* polled in vain */
    uint64_t nap_ns;  /* between polls, awake */
};

/* What the frames mean.  `now` is when they were read. */
void on_client_text(struct client *c, const char *p, size_t n, uint64_t now);
void on_client_read(struct client *c); /* everything that was there has been told */

void load_ws_open(struct load_ws *w, struct client *c);
void load_ws_wait(struct load_ws *w, int64_t ns); /* handle what comes; < 0: any time */
/* The same without sleeping: a sender then never pays for waking us, so that it costs each
 * server the same however fast it is. */
void load_ws_poll(struct load_ws *w);
/* Append a masked text frame; returns how long it is. */
size_t load_ws_frame(char *out, const char *text, size_t n);
void load_ws_send(struct client *c, const char *p, size_t n);
