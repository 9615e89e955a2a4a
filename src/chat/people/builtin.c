#include "chat/people/builtin.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/hash.h"

enum { FIXED = 9 }; /* where an id's random bytes begin, behind the variant's */

static struct nc_id id_of(struct nc_str username)
{
    struct nc_id id = nc_hlc_id(NC_CLOCK_FIRST_MS << 12);
    uint8_t digest[NC_SHA256];
    struct nc_buf b = {0};

    nc_buf_adds(&b, NC_STR("neuralchat account\n"));
    nc_buf_adds(&b, username);
    nc_sha256(b.p, b.n, digest);
    nc_buf_fini(&b);
    memcpy(id.b + FIXED, digest, sizeof(id.b) - FIXED);
    id.b[FIXED - 1] = 0x80;
    return id;
}

struct nc_account nc_builtin_account(enum nc_account_kind kind, struct nc_str username,
                                     struct nc_str display_name)
{
    return (struct nc_account){.id = id_of(username),
                               .kind = kind,
                               .username = username,
                               .display_name = display_name,
                               .created_ms = NC_CLOCK_FIRST_MS};
}

uint64_t nc_builtin_stamp(const struct nc_account *a) { return nc_hlc_of(&a->id); }
