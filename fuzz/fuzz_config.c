/* The configuration file: any bytes are settings or an error with a place. */
#include <string.h>

#include "config/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct nc_config c = {0};
    struct nc_options o;

    nc_options_init(&o, nc_config_table, nc_config_rows, &c);
    enum nc_err e = nc_options_text(&o, (struct nc_str){(const char *)p, n}, "f");
    if ((e == NC_OK) != (o.error[0] == '\0'))
        __builtin_trap();
    if (e == NC_OK)
        (void)nc_config_conflict(&c);
    nc_options_fini(&o);
    return 0;
}
