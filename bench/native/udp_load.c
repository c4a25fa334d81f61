// Closed-loop UDP load: every flow keeps its window full, so a server that loses datagrams is not flattered
// by it, and a slow one is not overrun. It polls without sleeping, which makes a server never pay for waking
// it, and prints one line of JSON. The options are in load_options.c.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"
#include "load_flow.h"

enum { EXPIRE_EVERY_NS = 10 * 1000 * 1000 };

// CPU time of all threads of a process, to the nanosecond (clock_getcpuclockid(3)).
static double cpu_seconds(int pid) {
  clockid_t clock;
  struct timespec used;
  if (pid == 0) return 0;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) fail("udp_load: --cpu-of");
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

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

static void print_results(const struct options* options, const struct results* results, double seconds,
                          double cpu) {
  printf("{\"flows\":%d,\"window\":%d,\"size\":%d,\"targets\":%d,\"gso\":%d,", options->flows,
         options->window, options->size, options->target_count, options->burst);
  printf("\"echoes\":%llu,\"seconds\":%.6f,\"rate\":%.1f,", (unsigned long long)results->echoes, seconds,
         (double)results->echoes / seconds);
  printf("\"p50us\":%.2f,\"p99us\":%.2f,\"maxus\":%.2f,", percentile(&results->times, 0.5) / 1e3,
         percentile(&results->times, 0.99) / 1e3, (double)results->times.max / 1e3);
  printf("\"lost\":%llu,\"late\":%llu,\"corrupt\":%llu,", (unsigned long long)results->lost,
         (unsigned long long)results->late, (unsigned long long)results->corrupt);
  printf("\"idle\":%.3f,\"cpuSeconds\":%.6f}\n", (double)results->empty_polls / (double)results->polls, cpu);
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
  double cpu = cpu_seconds(options.server_pid);
  uint64_t start = now_ns();
  run(flows, &options, &results, options.seconds, options.count, 0);
  double seconds = (double)(now_ns() - start) / 1e9;
  cpu = cpu_seconds(options.server_pid) - cpu;

  // What is still out either comes back or is lost; neither may change what was measured.
  struct results measured = results;
  run(flows, &options, &results, options.timeout_ms / 1e3 + 1, 0, 1);
  measured.lost = results.lost;
  measured.corrupt = results.corrupt;
  print_results(&options, &measured, seconds, cpu);
  return 0;
}
