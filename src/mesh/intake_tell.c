#include "mesh/intake.h"

#include "base/hist.h"
#include "base/log.h"
#include "mesh/intake_parts.h"
#include "wire/json.h"

enum { QUIET_MS = 10000 }; /* of one reason a line is written so often */

static const char *const whys[NC_INTAKE_WHYS] = {
    [NC_INTAKE_ORIGIN] = "origin",
    [NC_INTAKE_NODE] = "node",
    [NC_INTAKE_SHAPE] = "shape",
    [NC_INTAKE_SIGNATURE] = "signature",
    [NC_INTAKE_FORK] = "fork",
    [NC_INTAKE_GAP] = "gap",
    [NC_INTAKE_ROOM] = "room",
    [NC_INTAKE_CLOCK] = "clock",
    [NC_INTAKE_RECORD] = "record",
    [NC_INTAKE_PIECE] = "piece",
    [NC_INTAKE_UNREADABLE] = "unreadable",
};

const char *nc_intake_why(enum nc_intake_why w) { return whys[w]; }

/* What is lost and asked for again is daily life; the rest somebody should look at. */
static enum nc_level level_of(enum nc_intake_why w)
{
    return w == NC_INTAKE_GAP || w == NC_INTAKE_ROOM || w == NC_INTAKE_ORIGIN ? NC_DEBUG
                                                                              : NC_WARN;
}

void nc_intake_refused(struct nc_intake *in, enum nc_intake_why why, struct nc_lane *l,
                       const struct nc_id *peer, const struct nc_id *origin, uint64_t first,
                       const char *word)
{
    uint64_t now = nc_loop_now_ms(in->o.loop);

    in->stats.refused[why]++;
    if (l)
        l->refused = whys[why];
    if (in->told[why].until_ms > now) {
        in->told[why].missed++;
        return;
    }
    nc_log(level_of(why), "mesh.refused",
           "why=%s detail=%s peer=%s origin=%s event=%llu missed=%u", whys[why],
           word ? word : whys[why], nc_intake_text(peer).at, nc_intake_text(origin).at,
           (unsigned long long)first, in->told[why].missed);
    in->told[why].until_ms = now + QUIET_MS;
    in->told[why].missed = 0;
}

/* ---- numbers ------------------------------------------------------------- */

static unsigned events_of(const struct nc_lane *l)
{
    unsigned n = 0;

    for (struct nc_list *it = l->queue.next; it != &l->queue; it = it->next) {
        const struct nc_bundle *b = nc_of(it, struct nc_bundle, node);
        n += b->n - b->next;
    }
    return n;
}

struct nc_intake_stats nc_intake_stats(const struct nc_intake *in)
{
    struct nc_intake_stats s = in->stats;
    const struct nc_lane *l;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        s.waiting += l->state == NC_LANE_WAITS ? events_of(l) : 0;
        s.ahead += l->state == NC_LANE_AHEAD ? events_of(l) : 0;
        s.forked += l->fork.event != 0;
    }
    s.ahead_bytes = in->ahead ? nc_ahead_bytes(in->ahead) : 0;
    return s;
}

void nc_intake_metrics(const struct nc_intake *in, struct nc_buf *out)
{
    struct nc_intake_stats s = nc_intake_stats(in);
    const struct {
        const char *name, *type, *help;
        uint64_t v;
    } rows[] = {
        {"neuralchat_mesh_intake_events_total", "counter", "Events of other nodes taken.",
         s.events},
        {"neuralchat_mesh_intake_known_total", "counter",
         "Events that came and were known.", s.known},
        {"neuralchat_mesh_intake_passed_total", "counter",
         "Events that are not to be had any more.", s.passed},
        {"neuralchat_mesh_intake_segments_total", "counter", "Signed segments taken.",
         s.segments},
        {"neuralchat_mesh_intake_set_back_total", "counter",
         "Times this database was set back.", s.set_back},
        {"neuralchat_mesh_intake_waiting_events", "gauge",
         "Events that refer to what is still to come.", s.waiting},
        {"neuralchat_mesh_intake_ahead_events", "gauge", "Events whose time has not come.",
         s.ahead},
        {"neuralchat_mesh_intake_forked_logs", "gauge",
         "Logs of which another node has another past.", s.forked},
        {"neuralchat_mesh_intake_bytes", "gauge", "Bytes of segments in memory.", s.bytes},
        {"neuralchat_mesh_intake_ahead_bytes", "gauge",
         "Bytes of the file of what is ahead.", s.ahead_bytes},
    };

    for (size_t i = 0; i < NC_COUNT(rows); i++)
        nc_metric_write(out, rows[i].name, rows[i].type, rows[i].help, (double)rows[i].v);
    nc_buf_printf(out,
                  "# HELP neuralchat_mesh_intake_refused_total Refused or repaired, by "
                  "reason.\n"
                  "# TYPE neuralchat_mesh_intake_refused_total counter\n");
    for (unsigned i = 0; i < NC_INTAKE_WHYS; i++)
        nc_buf_printf(out, "neuralchat_mesh_intake_refused_total{reason=\"%s\"} %llu\n",
                      whys[i], (unsigned long long)s.refused[i]);
}

void nc_intake_json(const struct nc_intake *in, const struct nc_id *node, struct nc_json *j)
{
    unsigned waiting = 0, ahead = 0;
    uint64_t due = 0;
    const char *refused = NULL;
    const struct nc_lane *l, *forked = NULL;
    size_t at = 0;

    while ((l = nc_map_next(&in->lanes, &at)) != NULL) {
        if (!nc_id_eq(&l->node, node))
            continue;
        waiting += l->state == NC_LANE_WAITS ? events_of(l) : 0;
        if (l->refused)
            refused = l->refused;
        if (l->fork.event)
            forked = l;
        if (l->state != NC_LANE_AHEAD)
            continue;
        ahead += events_of(l);
        due = !due || l->due_ms < due ? l->due_ms : due;
    }
    nc_json_kuint(j, "waiting", waiting);
    nc_json_kuint(j, "ahead", ahead);
    if (due)
        nc_json_ktime(j, "ahead_until", due);
    if (refused)
        nc_json_kstr(j, "refused", nc_str(refused));
    if (forked)
        nc_fork_json(forked, j);
}
