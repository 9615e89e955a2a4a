/*
 * loop/thread: starting a thread, and moving whole lists.  Private to loop/.
 */
#pragma once

#include <pthread.h>

#include "base/list.h"

/* A named thread that takes no signals.  False (logged) if there is none to be had. */
bool nc_thread_start(pthread_t *t, const char *name, void *(*main)(void *), void *arg);
/* Move all of `from` into `to`, which is initialised; `from` is empty afterwards. */
void nc_list_take(struct nc_list *to, struct nc_list *from);
