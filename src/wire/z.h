/*
 * wire/z: zlib's streams, one of each kind per thread.
 *
 * Internal to wire.  A compressor is some 100 KiB: far too much per connection, and
 * without context takeover nothing of it is worth keeping there.
 */
#pragma once

#include <zlib.h>

#include "base/base.h"

/* Reset and ready; valid until the same thread asks again.  Never NULL. */
z_stream *nc_z_inflate(void);          /* raw, window 15 */
z_stream *nc_z_deflate(unsigned bits); /* raw, window 9..15 */
z_stream *nc_z_gzip(void);
