/*
 * chat/merge_parts: what the files that follow other nodes' events share.
 */
#pragma once

#include "chat/merge.h"

/* Reads how far each log is here (blocking, before the loop).  NC_EIO: logged. */
NC_MUSTUSE enum nc_err nc_merge_load(struct nc_chat *c);
void nc_merge_free(struct nc_chat *c); /* the store is closed; fine when never loaded */
