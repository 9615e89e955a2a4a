/*
 * config/mosquitto: the configuration file of a Mosquitto with our plugin.
 *
 * Safe as it stands: nobody without a name, every size and queue with a limit.
 * The same for the broker beside a node and for one on another machine; they
 * differ in who can reach them.  source: mosquitto.conf(5), version 2.0.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

struct nc_mosquitto_listener {
    const char *address; /* an IP address; NULL: every one the machine has */
    unsigned family;     /* 4 or 6; 0: both, where `address` is NULL */
    uint16_t port;
    bool websocket;
    const char *cert, *key; /* PEM files; NULL: without TLS */
};

struct nc_mosquitto_conf {
    const char *head;   /* the comment at the top, lines without their '#' */
    const char *dir;    /* absolute: its own folder, where it keeps what it must not lose */
    const char *plugin; /* absolute: nc_mosquitto.so */
    const char *nodes;  /* absolute: the file with the pinned nodes */
    const char *root;   /* of our topics */
    const char *user;   /* whom it becomes when root starts it; NULL: its own default */
    unsigned connections_max; /* for each listener */
    const struct nc_mosquitto_listener *listeners;
    size_t listeners_n;
};

/* What a packet of its clients may hold, headers included. */
#define NC_MOSQUITTO_PACKET_MAX (1u << 20)

/* Appends the text.  The paths are such that nc_mosquitto_path_ok. */
void nc_mosquitto_conf_add(struct nc_buf *out, const struct nc_mosquitto_conf *c);
/* Whether a path can be written into that file: absolute, and nothing in it that would end
 * the line or be cut from its ends. */
bool nc_mosquitto_path_ok(const char *path);

/* Where nc_mosquitto.so lies: `wanted`, or beside the running program, or in
 * ../lib/neuralchat from there.  The absolute path; freed by the caller.  NULL: no such
 * file, and *tried (may be NULL) says where it was looked for; freed by the caller. */
char *nc_mosquitto_plugin(const char *wanted, char **tried);
