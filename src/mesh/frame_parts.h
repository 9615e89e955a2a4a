/* mesh/frame_parts: between frame.c and frame_segment.c; for nobody else. */
#pragma once

#include "mesh/frame.h"
#include "mesh/pack.h"

void nc_frame_segment_add(struct nc_buf *out, const struct nc_mesh_segment *s,
                          nc_record_hash_fn *hash);
/* NULL, or what is wrong. */
const char *nc_frame_segment_read(struct nc_unpack *u, struct nc_frame *f,
                                  nc_record_hash_fn *hash);
