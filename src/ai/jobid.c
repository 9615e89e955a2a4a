#include "ai/jobid.h"

#include <string.h>

#include "crypto/hash.h"

static void put64(uint8_t out[8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (8 * (7 - i)));
}

struct nc_id nc_job_id(const struct nc_id *question, const struct nc_id *persona,
                       uint64_t attempt)
{
    uint64_t stamp = attempt <= NC_ATTEMPT_INSTEAD ? nc_hlc_of(question) : attempt;
    uint8_t in[40], digest[NC_SHA256];
    struct nc_id id;

    memcpy(in, question->b, 16);
    memcpy(in + 16, persona->b, 16);
    put64(in + 32, attempt);
    nc_sha256(in, sizeof(in), digest);
    put64(id.b, stamp >> 12 << 16 | 8u << 12 | (stamp & 0xfff));
    memcpy(id.b + 8, digest, 8);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

/* The stamp of an attempt is in the id itself. */
static uint64_t stamp_of(const struct nc_id *id)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | id->b[i];
    return v >> 16 << 12 | (v & 0xfff);
}

bool nc_job_id_fits(const struct nc_id *id, const struct nc_id *question,
                    const struct nc_id *persona, bool again)
{
    uint64_t attempts[] = {NC_ATTEMPT_FIRST, NC_ATTEMPT_INSTEAD};

    if (again)
        attempts[0] = attempts[1] = stamp_of(id);
    for (unsigned i = 0; i < NC_COUNT(attempts); i++) {
        struct nc_id made = nc_job_id(question, persona, attempts[i]);
        if (nc_id_eq(id, &made))
            return true;
    }
    return false;
}
