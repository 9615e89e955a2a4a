/* How it is with other nodes, for people and for those who watch. */
#include <string.h>

#include "mesh/sync_parts.h"
#include "wire/json.h"

/* Events in `have` that `lacks` doesn't have. */
static uint64_t behind(const struct nc_vector *lacks, const struct nc_vector *have)
{
    struct nc_vector_range r[NC_VECTOR_MAX];
    unsigned n = nc_vector_lacks(lacks, have, r, NC_VECTOR_MAX);
    uint64_t events = 0;

    for (unsigned i = 0; i < n; i++)
        events += r[i].to - r[i].from + 1;
    return events;
}

static void write_way(struct nc_json *j, const struct nc_way *w, bool best)
{
    nc_json_obj(j);
    nc_json_kstr(j, "kind", nc_str(nc_way_kind_text(w->kind)));
    nc_json_kstr(j, "where", nc_str(w->where));
    nc_json_ktime(j, "since", w->since_ms);
    nc_json_kbool(j, "best", best);
    nc_json_obj_end(j);
}

void nc_sync_node_json(struct nc_sync *s, const struct nc_id *node, struct nc_json *j)
{
    struct nc_sync_peer *p = nc_sync_peer(s, node);

    if (!p)
        return;
    const struct nc_vector *mine = nc_sync_mine(s);
    const struct nc_way *best = nc_sync_best(s, p);
    nc_json_kstr(j, "state", nc_str(p->here ? "here" : p->heard_ms ? "away" : "unheard"));
    nc_json_kstr(j, "version", nc_str(p->version));
    nc_json_key(j, "we_lack"); /* null: it has not said what it has */
    if (p->told)
        nc_json_uint(j, behind(mine, &p->theirs));
    else
        nc_json_null(j);
    nc_json_key(j, "they_lack");
    if (p->told)
        nc_json_uint(j, behind(&p->theirs, mine));
    else
        nc_json_null(j);
    nc_json_key(j, "ways");
    nc_json_arr(j);
    nc_list_each(it, &s->ways) {
        const struct nc_way *w = nc_of(it, struct nc_way, node);
        bool heard = false;
        for (unsigned i = 0; i < p->paths_n; i++)
            heard = heard || (p->paths[i].way == w && p->paths[i].heard_ms);
        if (nc_id_eq(&w->peer, &p->id) || (nc_id_zero(&w->peer) && heard))
            write_way(j, w, w == best);
    }
    nc_json_arr_end(j);
    if (p->last_error_ms) {
        nc_json_kstr(j, "last_error", nc_str(p->last_error));
        nc_json_ktime(j, "last_error_at", p->last_error_ms);
    }
    nc_intake_json(s->intake, node, j);
}

void nc_sync_former_json(const struct nc_sync *s, struct nc_json *j)
{
    nc_intake_former_json(s->intake, j);
}

/* ---- numbers ------------------------------------------------------------- */

struct row {
    const char *name, *help;
    uint64_t v;
};

static void write_rows(struct nc_buf *out, const char *type, const struct row *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nc_buf_printf(out,
                      "# HELP neuralchat_mesh_%s %s\n# TYPE neuralchat_mesh_%s %s\n"
                      "neuralchat_mesh_%s %llu\n",
                      r[i].name, r[i].help, r[i].name, type, r[i].name,
                      (unsigned long long)r[i].v);
}

static void write_frames(const struct nc_sync *s, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("# HELP neuralchat_mesh_frames_total What nodes said.\n"
                            "# TYPE neuralchat_mesh_frames_total counter\n"));
    for (unsigned t = 1; t < NC_FRAME_TYPES; t++)
        nc_buf_printf(
            out,
            "neuralchat_mesh_frames_total{frame=\"%s\",to=\"us\"} %llu\n"
            "neuralchat_mesh_frames_total{frame=\"%s\",to=\"others\"} %llu\n",
            nc_frame_name((enum nc_frame_type)t), (unsigned long long)s->frames_in[t],
            nc_frame_name((enum nc_frame_type)t), (unsigned long long)s->frames_out[t]);
}

static uint64_t gauge_here(const struct nc_sync_peer *p, const struct nc_vector *mine)
{
    (void)mine;
    return p->here;
}

static uint64_t gauge_we_lack(const struct nc_sync_peer *p, const struct nc_vector *mine)
{
    return behind(mine, &p->theirs);
}

static uint64_t gauge_they_lack(const struct nc_sync_peer *p, const struct nc_vector *mine)
{
    return behind(&p->theirs, mine);
}

static uint64_t count_in(const struct nc_sync_peer *p, const struct nc_vector *mine)
{
    (void)mine;
    return p->bytes_in;
}

static uint64_t count_out(const struct nc_sync_peer *p, const struct nc_vector *mine)
{
    (void)mine;
    return p->bytes_out;
}

static const struct {
    const char *name, *type, *help;
    uint64_t (*value)(const struct nc_sync_peer *p, const struct nc_vector *mine);
} of_peers[] = {
    {"here", "gauge", "1 while the node is heard of.", gauge_here},
    {"we_lack", "gauge", "Events that it has and we don't.", gauge_we_lack},
    {"they_lack", "gauge", "Events that we have and it doesn't.", gauge_they_lack},
    {"bytes_in_total", "counter", "Bytes of its envelopes.", count_in},
    {"bytes_out_total", "counter", "Bytes of envelopes that it was sent.", count_out},
};

static void write_peers(struct nc_sync *s, struct nc_buf *out)
{
    const struct nc_vector *mine = nc_sync_mine(s);

    for (size_t i = 0; i < NC_COUNT(of_peers) && !nc_list_empty(&s->peers); i++) {
        nc_buf_printf(out, "# HELP neuralchat_mesh_%s %s\n# TYPE neuralchat_mesh_%s %s\n",
                      of_peers[i].name, of_peers[i].help, of_peers[i].name,
                      of_peers[i].type);
        nc_list_each(it, &s->peers) {
            const struct nc_sync_peer *p = nc_of(it, struct nc_sync_peer, node);
            nc_buf_printf(out, "neuralchat_mesh_%s{node=\"%s\"} %llu\n", of_peers[i].name,
                          p->name, (unsigned long long)of_peers[i].value(p, mine));
        }
    }
}

void nc_sync_metrics(struct nc_sync *s, struct nc_buf *out)
{
    struct nc_author_stats a = nc_author_stats(s->author);
    struct nc_serve_stats v = nc_serve_stats(s->serve);
    const struct row counters[] = {
        {"envelopes_strange_total", "Of nobody who is trusted.", s->strangers},
        {"envelopes_forged_total", "Whose signature is none.", s->forged},
        {"envelopes_malformed_total", "That were none, or held nothing.", s->malformed},
        {"envelopes_again_total", "That had come already.", s->copies},
        {"envelopes_old_total", "That came out of their time.", s->old},
        {"envelopes_dropped_total", "Not looked at: too many like it.", s->dropped},
        {"envelopes_later_total", "With a frame of a later version, passed over.",
         s->later},
        {"unanswered_total", "Times that what a node said to have did not come.",
         s->unanswered},
        {"unsent_total", "What a way had no room for.", s->unsent},
        {"pushed_total", "Segments told to all as they were made.", s->pushed},
        {"pushed_events_total", "Events of these.", s->pushed_events},
        {"signed_total", "Our events signed.", a.events},
        {"signing_failed_total", "Segments that could not be kept.", a.failed},
        {"served_total", "Segments given to nodes that asked.", v.segments},
        {"served_events_total", "Events of these.", v.events},
        {"served_pieces_total", "Pieces of large records.", v.pieces},
        {"serving_failed_total", "Reads for nodes that failed.", v.failed},
    };
    const struct row gauges[] = {
        {"unsigned_events", "Our events that aren't signed yet.", a.behind},
        {"serving", "Nodes that are being given what they asked for.", v.peers},
    };

    write_rows(out, "counter", counters, NC_COUNT(counters));
    write_rows(out, "gauge", gauges, NC_COUNT(gauges));
    write_frames(s, out);
    write_peers(s, out);
    nc_intake_metrics(s->intake, out);
}
