#include "client/tui.h"

#include "client/client.h"

int nc_tui_run(struct nc_client *c)
{
    (void)c;
    return nc_client_fail("%s", nc_word(NC_W_NO_TERMINAL));
}
