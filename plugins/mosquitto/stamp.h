/*
 * mosquitto/stamp: the user properties of what a user sends.
 *
 * `nc-client-id` is there when it passes on, so that one message is one however often it
 * is delivered; `nc-sender` is who the broker knows it is from.
 */
#pragma once

#include <mosquitto.h>

#include "base/base.h"

#define NC_STAMP_MAX 64 /* properties of one message */

/* Replaces *props as needed.  NC_ELIMIT: there are too many; NC_EIO: the broker has no
 * memory.  Then they are as they were. */
NC_MUSTUSE enum nc_err nc_stamp(mosquitto_property **props, const char *sender);
