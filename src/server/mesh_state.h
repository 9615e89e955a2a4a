/*
 * server/mesh_state: a sum over all that nodes keep in common, by which two of them see
 * that they agree.
 */
#pragma once

struct nc_call;

/* Reads everything, page by page, and answers the call. */
void nc_mesh_state(struct nc_call *call);
