/* What a payload of u/<user>/send/<room> wants. */
#include "mesh/users_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct nc_user_wish w;
    struct nc_problem why = {.code = NC_P_NONE};
    struct nc_id client_id = {{1}};
    enum nc_err e =
        nc_user_wish(&w, (struct nc_str){(const char *)p, n}, &client_id, 4096, &why);

    if ((e == NC_OK) != (why.code == NC_P_NONE) || w.ref.n > 256)
        __builtin_trap();
    if (e == NC_OK && w.kind == NC_WISH_HISTORY && (w.page.limit < 1 || w.page.limit > 200))
        __builtin_trap();
    if (e == NC_OK && w.kind == NC_WISH_SEND && w.doc &&
        (w.send.text.n < 1 || w.send.text.n > 4096))
        __builtin_trap();
    nc_user_wish_fini(&w);
    return 0;
}
