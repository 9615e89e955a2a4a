/*
 * llm/discover: AI servers that run beside us.
 *
 * Looks at a few addresses, each for at most 2 s: Ollama by /api/tags, any other by
 * /v1/models.  Never finds a NeuralChat node (whose /api/v1/server answers as one): that
 * would be ourselves, or one that asks us in turn.  Loop thread only.
 */
#pragma once

#include "llm/provider.h"

struct nc_found {
    const struct nc_provider_ops *ops; /* the kind that fits */
    char name[40];                     /* for people: "ollama", "llama-server" … */
    char base_url[100];                /* as nc_provider_opts wants it */
};

struct nc_discover;
/* Once, never from inside nc_discover_start; n is 0 when nothing answers. */
typedef void nc_discover_fn(void *arg, const struct nc_found *found, size_t n);

/* urls: "http://127.0.0.1:11434" …, without a path; copied.  Ends by `done`, or by
 * nc_discover_cancel, after which `done` is not called. */
struct nc_discover *nc_discover_start(struct nc_loop *l, struct nc_http_client *http,
                                      const char *const *urls, size_t n, const char *node,
                                      nc_discover_fn *done, void *arg);
void nc_discover_cancel(struct nc_discover *d);
