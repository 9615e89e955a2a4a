#include "llm/provider.h"

static const struct nc_provider_ops *const kinds[] = {
    &nc_provider_openai,
    &nc_provider_ollama,
    &nc_provider_anthropic,
};

const struct nc_provider_ops *nc_provider_kind(struct nc_str kind)
{
    for (size_t i = 0; i < NC_COUNT(kinds); i++)
        if (nc_str_eqz(kind, kinds[i]->kind))
            return kinds[i];
    return NULL;
}
