#include <stdlib.h>
#include <string.h>

#include "mesh/intake_parts.h"

enum { LATE_MS = 20000 }; /* a piece comes within that time */

/* The row that is behind those taken: the one whose record is to come. */
static struct nc_merge_row *row_of(const struct nc_lane *l, struct nc_bundle **b,
                                   uint64_t **size)
{
    *b = nc_lane_first(l);
    *size = &(*b)->large[(*b)->next];
    return &(*b)->rows[(*b)->next];
}

static void ask(struct nc_intake *in, struct nc_lane *l)
{
    struct nc_bundle *b = nc_lane_first(l);

    nc_lane_block(in, l, NC_LANE_PIECES, LATE_MS);
    if (in->o.ask(in->o.arg, &l->piece.peer, &l->origin, b->first + b->next,
                  l->piece.got.n) != NC_OK)
        l->until_ms = nc_loop_now_ms(in->o.loop); /* at the next tick */
}

void nc_pieces_begin(struct nc_intake *in, struct nc_lane *l)
{
    struct nc_bundle *b;
    uint64_t *size;

    (void)row_of(l, &b, &size);
    nc_buf_fini(&l->piece.got);
    l->piece.size = *size;
    l->piece.peer = b->peer;
    ask(in, l);
}

/* Not to be had of that peer: the segment is asked for again, of somebody else. */
void nc_pieces_late(struct nc_intake *in, struct nc_lane *l)
{
    struct nc_bundle *b = nc_lane_first(l);

    nc_intake_refused(in, NC_INTAKE_PIECE, l, &l->piece.peer, &l->origin,
                      b->first + b->next, "late");
    nc_lane_blame(in, l, &l->piece.peer);
    nc_lane_drop(in, l, b);
    nc_lane_go(in, l);
}

static void whole(struct nc_intake *in, struct nc_lane *l)
{
    struct nc_bundle *b;
    uint64_t *size;
    struct nc_merge_row *row = row_of(l, &b, &size);

    if (!b->fetched)
        b->fetched = nc_alloc(b->n * sizeof *b->fetched);
    free(b->fetched[b->next]);
    b->fetched[b->next] = nc_str_dup(nc_buf_str(&l->piece.got));
    row->record = (struct nc_str){b->fetched[b->next], l->piece.got.n};
    *size = 0;
    b->bytes += row->record.n;
    l->bytes += row->record.n;
    in->stats.bytes += row->record.n;
    nc_buf_fini(&l->piece.got);
    nc_lane_go(in, l);
}

void nc_intake_piece(struct nc_intake *in, const struct nc_id *peer,
                     const struct nc_id *origin, uint64_t origin_seq, uint64_t at,
                     uint64_t size, struct nc_str bytes)
{
    struct nc_lane *l = nc_lane_of(in, origin);
    struct nc_bundle *b = l ? nc_lane_first(l) : NULL;

    if (in->stopped)
        return;
    if (!b || l->state != NC_LANE_PIECES || !nc_id_eq(&l->piece.peer, peer) ||
        origin_seq != b->first + b->next || at != l->piece.got.n) {
        nc_intake_refused(in, NC_INTAKE_PIECE, NULL, peer, origin, origin_seq, "unasked");
        return;
    }
    if (size != l->piece.size || bytes.n == 0 || bytes.n > size - at) {
        nc_pieces_late(in, l);
        return;
    }
    nc_buf_adds(&l->piece.got, bytes);
    if (l->piece.got.n < l->piece.size)
        ask(in, l);
    else
        whole(in, l);
}

void nc_pieces_again(struct nc_intake *in, struct nc_lane *l, const struct nc_id *peer,
                     const struct nc_mesh_segment *s)
{
    struct nc_bundle *b = nc_lane_first(l);
    uint64_t at = b ? b->first + b->next : 0;

    if (!b || l->state != NC_LANE_PIECES || !nc_id_eq(&l->piece.peer, peer) ||
        at < s->first || at >= s->first + s->n)
        return;
    const struct nc_mesh_row *row = &s->rows[at - s->first];
    if (!row->hash_only && row->is == NC_RECORD_LARGE)
        return;
    nc_lane_drop(in, l, b);
    nc_lane_go(in, l);
}
