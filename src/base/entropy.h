/*
 * base/entropy: random bytes from the kernel, cheap enough for every id.
 *
 * Read in blocks into a pool of the calling thread; any thread.  Good for ids,
 * seeds and jitter; secrets come from crypto/hash (nc_random), which keeps no pool.
 */
#pragma once

#include "base/base.h"

void nc_entropy(void *out, size_t n); /* ends the process if the kernel has none to give */
