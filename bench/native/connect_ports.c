// Opens connections from one address to one destination until the local ports run short, and says what each
// took. connect_ports without arguments lists its options. Prints a line of JSON per case.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "connect_figures.h"
#include "connect_options.h"
#include "connect_tables.h"

// Steps of --churn in one table before another gets its turn, unless they take longer.
enum { BURST = 32, BURST_NS = 5000000, MAX_BURSTS = 1 << 16 };
// Bins of the range's use in --fill.
enum { BINS = 100 };

struct run {
  struct options options;
  struct tables tables;
  uint32_t ports;  // of the range
  bool used[65536];
  uint64_t deadline;
  uint32_t goal;  // sockets to be held
  struct figures*
      figures;  // of the current step of --churn, or those of --fill by bin and parity; NULL: not measured
  const uint16_t* order;  // in which the range is filled beforehand
  uint32_t next;          // of order
  uint32_t steps;
  double bursts[MAX_BURSTS];  // of --churn: ns an opening
  uint32_t burst_count;
  bool full;  // an opening has failed
};

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void hold(struct run* run, struct table* table, int fd, uint16_t port) {
  table->held[table->count++] = (struct held){fd, port};
  run->used[port] = true;
}

// --- Filling

static struct figures* bin_of(const struct run* run, uint32_t held, const struct opened* opened) {
  uint32_t bin = (uint32_t)((uint64_t)held * BINS / run->ports);
  return &run->figures[2 * bin + (opened->port & 1)];
}

static void fill_table(struct table* table, void* argument) {
  struct run* run = argument;
  uint32_t others = held_in_all(&run->tables) - table->count;
  while (table->count < table->capacity && others + table->count < run->goal && !run->full) {
    struct opened opened = open_socket(&run->options.opener);
    if (run->figures) add_opened(bin_of(run, others + table->count, &opened), &opened);
    if (opened.fd < 0) run->full = true;
    if (opened.fd >= 0) hold(run, table, opened.fd, opened.port);
    if (now_ns() > run->deadline) return;
  }
}

static void for_each_table(struct run* run, void (*job)(struct table*, void*)) {
  for (uint32_t i = 0; i < run->tables.length; i++) run_in_table(&run->tables.items[i], job, run);
}

static void print_bin(const struct figures* figures, unsigned index, bool* first) {
  if (figures->total.total == 0 && figures->failed == 0) return;
  printf("%s{\"use\":%.1f,\"parity\":%u,", *first ? "" : ",", (index / 2 + 0.5) * 100 / BINS, index % 2);
  print_figures(figures);
  printf("}");
  *first = false;
}

static void add_all(struct figures* sum, const struct figures* one) {
  for (unsigned i = 0; i < BUCKETS; i++) {
    sum->total.counts[i] += one->total.counts[i];
    sum->connect.counts[i] += one->connect.counts[i];
  }
  sum->total.total += one->total.total;
  sum->connect.total += one->connect.total;
  if (one->total.max > sum->total.max) sum->total.max = one->total.max;
  sum->total_ns += one->total_ns;
  sum->refused += one->refused;
  sum->failed += one->failed;
}

// --- Filling beforehand

static bool comes(enum order order, uint32_t port, const struct route* route, unsigned pass) {
  uint32_t parity = (port - route->low) & 1,
           upper = port - route->low >= (uint32_t)(route->high - route->low) / 2;
  switch (order) {
    case ORDER_RANDOM:
      return pass == 0;
    case ORDER_FIRST_PARITY:
      return pass == parity;
    case ORDER_SECOND_PARITY:
      return pass == 1 - parity;
    case ORDER_HALVES:
      return pass == 2 * upper + 1 - parity;
  }
  abort();
}

// All ports of the range in the wanted order; at random where the order does not matter.
static uint16_t* ordered_ports(const struct options* options) {
  const struct route* route = &options->opener.route;
  uint16_t* ports = calloc(65536, sizeof(*ports));
  if (ports == NULL) fail("calloc");
  uint32_t count = 0;
  for (unsigned pass = 0; pass < 4; pass++) {
    uint32_t first = count;
    for (uint32_t port = route->low; port <= route->high; port++) {
      if (comes(options->order, port, route, pass)) ports[count++] = (uint16_t)port;
    }
    shuffle(ports + first, count - first);
  }
  return ports;
}

static void fill_in_order(struct table* table, void* argument) {
  struct run* run = argument;
  uint32_t others = held_in_all(&run->tables) - table->count;
  while (table->count < table->capacity && others + table->count < run->goal && run->next < run->ports) {
    uint16_t port = run->order[run->next++];
    if (run->used[port]) continue;
    int fd = open_at(&run->options.opener, port);
    if (fd >= 0) hold(run, table, fd, port);
  }
}

static void fill_to(struct run* run, double percent) {
  run->goal = (uint32_t)(run->ports * percent / 100);
  run->figures = NULL;
  run->full = false;
  run->deadline = UINT64_MAX;
  run->next = 0;
  // Those that have a list take from it themselves.
  bool own_list = run->options.opener.free != NULL;
  for_each_table(run, own_list ? fill_table : fill_in_order);
}

static void fill(struct run* run) {
  static struct figures sum, bins[2 * BINS];
  run->figures = bins;
  double cpu = cpu_seconds();
  for (uint32_t bin = 1; bin <= BINS && !run->full; bin++) {
    run->goal = (uint32_t)((uint64_t)run->ports * bin / BINS);
    // Those that have a list are quick, and their ports cannot be opened in another way beside it.
    run->deadline =
        run->options.opener.free ? UINT64_MAX : now_ns() + (uint64_t)(run->options.seconds * 1e9 / BINS);
    run->next = 0;
    for_each_table(run, fill_table);
    // Too slow: the rest of the bin is not measured.
    if (!run->full) for_each_table(run, fill_in_order);
  }
  cpu = cpu_seconds() - cpu;
  for (unsigned i = 0; i < 2 * BINS; i++) add_all(&sum, &bins[i]);
  printf("{\"mode\":\"fill\",\"ports\":%u,\"held\":%u,\"cpuSeconds\":%.6f,", run->ports,
         held_in_all(&run->tables), cpu);
  print_figures(&sum);
  printf(",\"bins\":[");
  bool first = true;
  for (unsigned i = 0; i < 2 * BINS; i++) print_bin(&bins[i], i, &first);
  printf("]}\n");
}

// --- Churn

static void close_one(struct run* run, struct table* table) {
  // The newest ones, so that those that stay are always the same.
  uint32_t among = run->options.among / run->tables.length;
  if (among == 0 || among > table->count) among = table->count;
  uint32_t chosen = table->count - 1 - random_below(among);
  struct held held = table->held[chosen];
  table->held[chosen] = table->held[--table->count];
  run->used[held.port] = false;
  (run->options.in_order ? close_in_order : close_at_once)(&run->options.opener, held.fd, held.port);
}

static void churn_table(struct table* table, void* argument) {
  struct run* run = argument;
  uint32_t others = held_in_all(&run->tables) - table->count;
  uint64_t end = now_ns() + BURST_NS, total_ns = 0;
  uint32_t steps = 0, opened_count = 0;
  if (end > run->deadline) end = run->deadline;
  for (; steps < BURST && now_ns() < end && table->count > 0; steps++) {
    // One less is held when the last opening failed.
    if (others + table->count >= run->goal) close_one(run, table);
    struct opened opened = open_socket(&run->options.opener);
    if (run->figures) add_opened(run->figures, &opened);
    total_ns += opened.total_ns;
    if (opened.fd < 0) continue;
    hold(run, table, opened.fd, opened.port);
    opened_count++;
  }
  run->steps += steps;
  if (run->burst_count < MAX_BURSTS && opened_count > 0)
    run->bursts[run->burst_count++] = (double)total_ns / opened_count;
}

static void churn_for(struct run* run, double seconds, uint32_t most) {
  run->deadline = now_ns() + (uint64_t)(seconds * 1e9);
  run->steps = 0;
  run->burst_count = 0;
  while (now_ns() < run->deadline && run->steps < most)
    run_in_table(random_table(&run->tables), churn_table, run);
}

static int by_size(const void* a, const void* b) {
  double difference = *(const double*)a - *(const double*)b;
  return (difference > 0) - (difference < 0);
}

// Openings a second. What interrupts a program now and then does not count: the median of short bursts.
static double rate_of(struct run* run) {
  if (run->burst_count == 0) return 0;
  qsort(run->bursts, run->burst_count, sizeof(run->bursts[0]), by_size);
  return 1e9 / run->bursts[run->burst_count / 2];
}

static void churn(struct run* run, double percent) {
  static struct figures figures;
  memset(&figures, 0, sizeof(figures));
  fill_to(run, percent);
  // Each way leaves a pattern of free ports behind, which is there when all of them were filled and freed
  // some times.
  churn_for(run, run->options.warmup, 4 * (run->ports - run->goal) + 1000);
  run->figures = &figures;
  double cpu = cpu_seconds();
  uint64_t before = now_ns();
  churn_for(run, run->options.seconds, UINT32_MAX);
  double wall = (double)(now_ns() - before) / 1e9;
  cpu = cpu_seconds() - cpu;
  run->figures = NULL;
  printf("{\"mode\":\"churn\",\"use\":%g,\"ports\":%u,\"held\":%u,\"steps\":%u,\"rate\":%.1f,", percent,
         run->ports, held_in_all(&run->tables), run->steps, rate_of(run));
  printf("\"wallSeconds\":%.6f,\"cpuSeconds\":%.6f,", wall, cpu);
  print_figures(&figures);
  printf("}\n");
  fflush(stdout);
}

// ---

// At the end too: TIME_WAIT would keep the ports from the next run.
static void close_all(struct table* table, void* argument) {
  struct run* run = argument;
  while (table->count > 0) {
    struct held held = table->held[--table->count];
    close_at_once(&run->options.opener, held.fd, held.port);
  }
}

int main(int argc, char** argv) {
  static struct run run;
  static struct free_ports list;
  run.options = parse_options(argc, argv);
  const struct route* route = &run.options.opener.route;
  run.ports = (uint32_t)route->high - route->low + 1;
  run.tables = start_tables(run.ports);
  run.order = ordered_ports(&run.options);
  free_ports_init(&list, route->low, route->high);
  enum way way = run.options.opener.way;
  if (way == WAY_EXACT || way == WAY_SHARED) run.options.opener.free = &list;
  if (run.options.mode == MODE_FILL) fill(&run);
  if (run.options.mode == MODE_CHURN) {
    for (int i = 0; i < run.options.level_count; i++) churn(&run, run.options.levels[i]);
  }
  if (run.options.mode == MODE_HOLD) {
    fill_to(&run, run.options.levels[0]);
    printf("ready %u\n", held_in_all(&run.tables));
    fflush(stdout);
    while (getchar() != EOF) continue;
  }
  for_each_table(&run, close_all);
  return 0;
}
