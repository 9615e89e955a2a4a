/*
 * bench/tool: what the measuring programs share: time, histograms, what another process
 * has used, a listening socket.  They end with a sentence when something is wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void tool_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t tool_now_ns(void);
void tool_files_max(void); /* as many descriptors as the machine lets us have */

/* Listens on a free loopback port and says so as neuralchatd does: url=http://… */
int tool_listen(void);
int tool_dial(unsigned port); /* blocking connect to loopback, then non-blocking */

/* Which threads of a process used how much processor time. */
struct tool_cpu {
    uint64_t loop_ns;  /* the main thread */
    uint64_t store_ns; /* those named store-… */
    uint64_t rest_ns;
};
void tool_cpu(int pid, struct tool_cpu *out);
struct tool_cpu tool_cpu_since(const struct tool_cpu *now, const struct tool_cpu *then);

/* Nanoseconds that all processors together were busy, since the machine began. */
uint64_t tool_machine_ns(void);

struct tool_memory {
    uint64_t rss, anonymous; /* bytes */
};
void tool_memory(int pid, struct tool_memory *out);

/* Values to within 1.6 %. */
#define TOOL_HIST (64 * 40)
struct tool_hist {
    uint64_t n, counts[TOOL_HIST];
};
void tool_hist_add(struct tool_hist *h, uint64_t value);
uint64_t tool_hist_at(const struct tool_hist *h, double part); /* 0.5: the median */
