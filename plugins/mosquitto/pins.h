/*
 * mosquitto/pins: the nodes that this broker believes, pinned in a file of its operator.
 *
 * {"nodes":[{"id":UUID,"key":base64url of an Ed25519 key,"name":text}]}.  What the file
 * says counts as soon as it has changed; one that can't be read changes nothing.
 */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "base/id.h"
#include "crypto/identity.h"

#define NC_PINS_MAX 64         /* nodes */
#define NC_PINS_FILE (1 << 18) /* bytes of the file */

struct nc_pin {
    struct nc_id id;
    uint8_t key[NC_IDENTITY_KEY];
};

struct nc_pins {
    struct nc_pin at[NC_PINS_MAX];
    size_t n;
    /* the file when it was read */
    struct timespec mtime;
    off_t size;
    ino_t inode;
};

/* NC_EINVAL: not such a text, or a node twice; NC_ELIMIT: too many.  Then *p is as it was.
 */
NC_MUSTUSE enum nc_err nc_pins_parse(struct nc_pins *p, struct nc_str text);
/* Reads the file.  NC_AGAIN: it is the one that was read last; NC_EINVAL, NC_EIO (logged):
 * it can't be read, and *p is as it was; no word of it again until it changes. */
NC_MUSTUSE enum nc_err nc_pins_read(struct nc_pins *p, const char *path);
const struct nc_pin *nc_pins_find(const struct nc_pins *p, const struct nc_id *id);
