/*
 * client/tui: the chat in a terminal.
 */
#pragma once

struct nc_client;

/* Until one leaves; the exit status. */
int nc_tui_run(struct nc_client *c);
