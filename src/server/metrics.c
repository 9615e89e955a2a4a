#include "server/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "ai/ai.h"
#include "base/clock.h"
#include "chat/live/hub.h"
#include "loop/loop.h"
#include "loop/work.h"
#include "mesh/brokers.h"
#include "mesh/ephemera.h"
#include "mesh/paths.h"
#include "mesh/sync.h"
#include "mesh/users.h"
#include "mesh/way_ws.h"
#include "server/disk.h"
#include "server/own_broker.h"
#include "server/server.h"

void nc_metrics_init(struct nc_metrics *m) { nc_hist_init(&m->time, NULL, 0); }

void nc_metrics_answered(struct nc_metrics *m, unsigned status, uint64_t ns)
{
    m->answered[status / 100 < 6 ? status / 100 : 0]++;
    nc_hist_observe_ns(&m->time, ns);
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%*s %llu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void gauge(struct nc_buf *out, const char *name, const char *help, uint64_t v)
{
    nc_metric_write(out, name, "gauge", help, (double)v);
}

static void counter(struct nc_buf *out, const char *name, const char *help, uint64_t v)
{
    nc_metric_write(out, name, "counter", help, (double)v);
}

static void write_hub(const struct nc_hub_stats *h, struct nc_buf *out)
{
    gauge(out, "neuralchat_listeners", "Live streams attached.", h->listeners);
    gauge(out, "neuralchat_listeners_catching_up", "Live streams reading the log.",
          h->catching_up);
    gauge(out, "neuralchat_live_queue_bytes", "Bytes waiting for all live streams.",
          h->queued_total);
    counter(out, "neuralchat_events_published_total", "Events given to the hub.",
            h->published);
    counter(out, "neuralchat_events_delivered_total", "Deliveries to live streams.",
            h->delivered);
    counter(out, "neuralchat_ephemeral_dropped_total",
            "Ephemeral events not given to streams that lag.", h->dropped_ephemeral);
    counter(out, "neuralchat_slow_consumers_total", "Live streams closed with 4408.",
            h->slow_closed);
    counter(out, "neuralchat_catchup_pages_total", "Pages of the log given to streams.",
            h->catchup_pages);
    counter(out, "neuralchat_resyncs_total", "Cursors that could not be served.",
            h->resyncs);
}

static void write_store(const struct nc_store_info *i, struct nc_buf *out)
{
    gauge(out, "neuralchat_log_head", "Position of the last durable event.", i->head);
    gauge(out, "neuralchat_commits_pending", "Commits waiting for the disk.",
          i->pending_commits);
    gauge(out, "neuralchat_queries_pending", "Queries waiting for a reader.",
          i->pending_queries);
    gauge(out, "neuralchat_store_failing", "1 while the last batch could not be written.",
          i->failing);
    counter(out, "neuralchat_batches_total", "Transactions.", i->batches);
    counter(out, "neuralchat_commits_failed_total", "Commits the disk refused.",
            i->commits_failed);
    if (i->commit_time)
        nc_hist_write(i->commit_time, "neuralchat_commit_seconds",
                      "Time of a transaction, fsync included.", out);
}

static void write_requests(const struct nc_metrics *m, struct nc_buf *out)
{
    nc_buf_adds(out, NC_STR("# HELP neuralchat_requests_total Answered HTTP requests.\n"
                            "# TYPE neuralchat_requests_total counter\n"));
    for (unsigned i = 1; i < 6; i++)
        nc_buf_printf(out, "neuralchat_requests_total{status=\"%uxx\"} %llu\n", i,
                      (unsigned long long)m->answered[i]);
    nc_hist_write(&m->time, "neuralchat_request_seconds", "Time from head to answer.", out);
}

static void write_provider(void *arg, const char *name, const char *kind, bool up)
{
    nc_buf_printf(arg, "neuralchat_ai_provider_up{provider=\"%s\",kind=\"%s\"} %d\n", name,
                  kind, up);
}

static void write_providers(const struct nc_models *m, struct nc_buf *out)
{
    struct nc_models_stats stats;

    nc_models_stats(m, &stats);
    gauge(out, "neuralchat_ai_providers", "AI providers there are.", stats.providers);
    gauge(out, "neuralchat_ai_providers_up", "Those that answer.", stats.up);
    gauge(out, "neuralchat_ai_models", "Models they offer.", stats.models);
    nc_buf_adds(out, NC_STR("# HELP neuralchat_ai_provider_up 1 while it answers.\n"
                            "# TYPE neuralchat_ai_provider_up gauge\n"));
    nc_models_each(m, write_provider, out);
}

static void write_by(struct nc_buf *out, const char *name, const char *help, unsigned rooms,
                     unsigned programs)
{
    nc_buf_printf(out,
                  "# HELP %s %s\n# TYPE %s gauge\n%s{by=\"rooms\"} %u\n"
                  "%s{by=\"programs\"} %u\n",
                  name, help, name, name, rooms, name, programs);
}

static void write_ai(struct nc_ai *ai, struct nc_buf *out)
{
    const struct nc_ai_stats *s = nc_ai_stats(ai);
    const struct nc_usage_stats *u = nc_usages_stats(nc_ai_usages(ai));

    write_by(out, "neuralchat_ai_running", "Answers under way.", s->running,
             s->programs_running);
    write_by(out, "neuralchat_ai_waiting", "Questions that wait for their turn.",
             s->waiting, s->programs_waiting);
    counter(out, "neuralchat_ai_asked_total", "Questions, in rooms and by programs.",
            s->asked);
    counter(out, "neuralchat_ai_completed_total", "Answers that came whole.", s->completed);
    counter(out, "neuralchat_ai_failed_total", "Answers that failed.", s->failed);
    counter(out, "neuralchat_ai_stopped_total", "Answers that were stopped.", s->stopped);
    counter(out, "neuralchat_ai_refused_total", "Questions that were not taken.",
            s->refused);
    counter(out, "neuralchat_ai_retried_total", "Requests upstream made once more.",
            s->retried);
    counter(out, "neuralchat_ai_fell_back_total", "Answers by another model than asked.",
            s->fell_back);
    counter(out, "neuralchat_ai_held_total",
            "Questions given to another node, which brought no answer in time.", s->held);
    counter(out, "neuralchat_ai_not_taken_total",
            "Questions of other nodes that were too many, or not as they must be.",
            s->not_taken);
    counter(out, "neuralchat_ai_unended_total",
            "Answers of other nodes that were given up because they never ended.",
            s->unended);
    counter(out, "neuralchat_ai_prompt_tokens_total", "Tokens read by models.",
            u->prompt_tokens);
    counter(out, "neuralchat_ai_completion_tokens_total", "Tokens generated.",
            u->completion_tokens);
    counter(out, "neuralchat_ai_over_cap_total", "Questions refused by a daily cap.",
            u->refused);
    write_providers(nc_ai_models(ai), out);
}

static void write_own_broker(const struct nc_own_broker *b, struct nc_buf *out)
{
    struct nc_own_broker_stats stats = nc_own_broker_stats(b);

    gauge(out, "neuralchat_own_broker_up", "1 while the broker beside the node runs.",
          *stats.url != '\0');
    counter(out, "neuralchat_own_broker_ends_total", "How often it ended by itself.",
            stats.ends);
}

static void write_users(const struct nc_users *u, struct nc_buf *out)
{
    struct nc_users_stats s;

    nc_users_stats(u, &s);
    counter(out, "neuralchat_mqtt_taken_total", "Messages and commands that came by MQTT.",
            s.taken);
    counter(out, "neuralchat_mqtt_refused_total", "Answered with an error.", s.refused);
    counter(out, "neuralchat_mqtt_dropped_total", "With nobody who could be told.",
            s.dropped);
    counter(out, "neuralchat_mqtt_asked_total", "Histories and snapshots.", s.asked);
    counter(out, "neuralchat_mqtt_events_total", "Durable events given to brokers.",
            s.events);
    counter(out, "neuralchat_mqtt_replayed_total", "Of these, read from the log.",
            s.replayed);
    counter(out, "neuralchat_mqtt_ephemeral_total", "Other events given to brokers.",
            s.ephemeral);
    counter(out, "neuralchat_mqtt_resyncs_total", "Brokers too far behind for a replay.",
            s.resyncs);
    counter(out, "neuralchat_mqtt_documents_total", "Signed documents given to brokers.",
            s.documents);
    gauge(out, "neuralchat_mqtt_held", "Messages that came and are not stored yet.",
          s.held);
}

void nc_metrics_write(const struct nc_server *s, struct nc_buf *out)
{
    nc_buf_printf(out,
                  "# HELP neuralchat_info The version that runs.\n"
                  "# TYPE neuralchat_info gauge\nneuralchat_info{version=\"%s\"} 1\n",
                  NC_VERSION);
    gauge(out, "neuralchat_start_time_seconds", "When the node started.",
          s->started_ms / 1000);
    gauge(out, "neuralchat_connections", "Open connections.",
          nc_listeners_open(s->listeners));
    counter(out, "neuralchat_connections_refused_total", "Connections over a limit.",
            nc_listeners_refused(s->listeners));
    gauge(out, "neuralchat_password_checks_waiting", "Argon2id work queued or running.",
          nc_pool_waiting(s->hashers));
    gauge(out, "neuralchat_resident_bytes", "Resident memory.", resident_bytes());
    gauge(out, "neuralchat_disk_left_bytes", "Free space where the data is.",
          nc_disk_left(s->disk));
    if (s->own_broker)
        write_own_broker(s->own_broker, out);
    write_requests(&s->metrics, out);
    write_hub(nc_hub_stats(s->chat->hub), out);
    write_store(&s->store->info, out);
    write_ai(s->ai, out);
    nc_brokers_metrics(s->brokers, out);
    if (s->users)
        write_users(s->users, out);
    nc_sync_metrics(s->sync, out);
    nc_paths_metrics(s->paths, out);
    nc_way_ws_metrics(s->way_ws, out);
    nc_ephemera_metrics(s->ephemera, out);
    nc_hist_write(nc_loop_turns(s->loop), "neuralchat_loop_stall_seconds",
                  "Time of a turn of the loop.", out);
}
