#define _GNU_SOURCE
#include "load_cpu.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static double seconds_of(clockid_t clock) {
  struct timespec used;
  if (clock_gettime(clock, &used) != 0) fail("udp_load: clock_gettime");
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static cpu_set_t cores_in_use(int server_pid) {
  cpu_set_t own, server;
  if (sched_getaffinity(0, sizeof(own), &own) != 0) fail("udp_load: sched_getaffinity");
  if (server_pid == 0) return own;
  if (sched_getaffinity(server_pid, sizeof(server), &server) != 0) fail("udp_load: --cpu-of");
  CPU_OR(&own, &own, &server);
  return own;
}

// Sum of what proc(5) calls user, nice, system, irq, softirq and steal: everything but idle and iowait.
static double busy_seconds(const cpu_set_t* cores) {
  FILE* file = fopen("/proc/stat", "r");
  if (!file) fail("udp_load: /proc/stat");
  double ticks = 0;
  char line[512];
  while (fgets(line, sizeof(line), file)) {
    int core;
    double user, nice, system, idle, iowait, irq, softirq, steal;
    int fields = sscanf(line, "cpu%d %lf %lf %lf %lf %lf %lf %lf %lf", &core, &user, &nice, &system, &idle,
                        &iowait, &irq, &softirq, &steal);
    if (fields == 9 && CPU_ISSET(core, cores)) ticks += user + nice + system + irq + softirq + steal;
  }
  fclose(file);
  return ticks / (double)sysconf(_SC_CLK_TCK);
}

struct cpu_sample sample_cpu(int server_pid) {
  cpu_set_t cores = cores_in_use(server_pid);
  struct cpu_sample sample = {.own = seconds_of(CLOCK_PROCESS_CPUTIME_ID), .cores = busy_seconds(&cores)};
  clockid_t server_clock;
  if (server_pid == 0) return sample;
  if (clock_getcpuclockid(server_pid, &server_clock) != 0) fail("udp_load: --cpu-of");
  sample.server = seconds_of(server_clock);
  return sample;
}

double share_of_others(struct cpu_sample before, struct cpu_sample after, double seconds) {
  double ours = (after.server - before.server) + (after.own - before.own);
  double share = (after.cores - before.cores - ours) / seconds;
  return share > 0 ? share : 0;
}
