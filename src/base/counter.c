#include "base/counter.h"

#include "base/buf.h"

void nc_counters_write(struct nc_buf *out, const char *prefix, const struct nc_counter *c,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        nc_buf_printf(out,
                      "# HELP %s%s_total %s\n"
                      "# TYPE %s%s_total counter\n"
                      "%s%s_total %llu\n",
                      prefix, c[i].name, c[i].help, prefix, c[i].name, prefix, c[i].name,
                      (unsigned long long)c[i].n);
}
