/*
 * server/notify: telling systemd how we are (sd_notify's datagrams).
 */
#pragma once

/* "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=…".  Nothing happens without
 * $NOTIFY_SOCKET. */
void nc_notify(const char *state);
