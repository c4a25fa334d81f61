// Closed-loop UDP load: every flow keeps its window full, so a server that loses datagrams is not flattered
// by it, and a slow one is not overrun. It polls without sleeping, which makes a server never pay for waking
// it, and prints one line of JSON. The options are in load_options.c.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "load_cpu.h"
#include "load_flow.h"

enum {
  EXPIRE_EVERY_NS = 10 * 1000 * 1000,
  DRAIN_TIMEOUTS = 5,  // at the end nothing waits for a late answer, so it may be waited for
};

// Runs until the time is over or `limit` echoes are counted (0: no limit). With `draining` nothing is sent
// and the end is when nothing is outstanding.
static void run(struct flow* flows, const struct options* options, struct results* results, double seconds,
                uint64_t limit, int draining) {
  uint64_t start = now_ns(), expired = start, end = start + (uint64_t)(seconds * 1e9);
  while (!stopping) {
    for (int i = 0; i < options->flows; i++) turn_flow(&flows[i], options, results, draining);
    uint64_t now = now_ns();
    if (draining || now - expired > EXPIRE_EVERY_NS) {
      uint64_t outstanding = 0;
      for (int i = 0; i < options->flows; i++)
        outstanding += expire_flow(&flows[i], options, results, draining);
      expired = now;
      if (draining && outstanding == 0) return;
    }
    if (now >= end || (limit && results->echoes >= limit)) return;
  }
}

struct measurement {
  double seconds;
  double server_seconds;  // CPU time
  double others;          // share of a core that other programs took
};

static void print_results(const struct options* options, const struct results* results,
                          const struct measurement* measured) {
  printf("{\"flows\":%d,\"window\":%d,\"size\":%d,\"targets\":%d,\"gso\":%d,", options->flows,
         options->window, options->size, options->target_count, options->burst);
  printf("\"echoes\":%llu,\"seconds\":%.6f,\"rate\":%.1f,", (unsigned long long)results->echoes,
         measured->seconds, (double)results->echoes / measured->seconds);
  printf("\"p50us\":%.2f,\"p99us\":%.2f,\"maxus\":%.2f,", percentile(&results->times, 0.5) / 1e3,
         percentile(&results->times, 0.99) / 1e3, (double)results->times.max / 1e3);
  printf("\"lost\":%llu,\"late\":%llu,\"corrupt\":%llu,", (unsigned long long)results->lost,
         (unsigned long long)results->late, (unsigned long long)results->corrupt);
  printf("\"idle\":%.3f,\"cpuSeconds\":%.6f,\"others\":%.3f}\n",
         (double)results->empty_polls / (double)results->polls, measured->server_seconds, measured->others);
}

int main(int argc, char** argv) {
  static struct results results;
  struct options options = parse_options(argc, argv);
  struct flow* flows = calloc((size_t)options.flows, sizeof(struct flow));
  if (!flows) fail("calloc");
  stop_on_sigterm();
  for (int i = 0; i < options.flows; i++) start_flow(&flows[i], i, &options);

  run(flows, &options, &results, options.warmup, 0, 0);
  memset(&results, 0, sizeof(results));
  struct cpu_sample before = sample_cpu(options.server_pid);
  uint64_t start = now_ns();
  run(flows, &options, &results, options.seconds, options.count, 0);
  struct measurement measured = {.seconds = (double)(now_ns() - start) / 1e9};
  struct cpu_sample after = sample_cpu(options.server_pid);
  measured.server_seconds = after.server - before.server;
  measured.others = share_of_others(before, after, measured.seconds);

  // What is still out either comes back or is lost; neither may change what was timed.
  struct results final = results;
  options.timeout_ms *= DRAIN_TIMEOUTS;
  run(flows, &options, &results, options.timeout_ms / 1e3 + 1, 0, 1);
  final.lost = results.lost;
  final.late = results.late;
  final.corrupt = results.corrupt;
  print_results(&options, &final, &measured);
  return 0;
}
