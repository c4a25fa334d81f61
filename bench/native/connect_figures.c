#include "connect_figures.h"

#include <inttypes.h>
#include <stdio.h>

void add_opened(struct figures* figures, const struct opened* opened) {
  figures->total_ns += opened->total_ns;
  figures->refused += opened->refused;
  if (opened->fd < 0) {
    figures->failed++;
    return;
  }
  record(&figures->total, opened->total_ns);
  record(&figures->connect, opened->connect_ns);
}

void print_figures(const struct figures* figures) {
  const struct histogram* total = &figures->total;
  printf("\"count\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"seconds\":%.6f",
         total->total, figures->failed, figures->refused, (double)figures->total_ns / 1e9);
  printf(",\"p50us\":%.2f,\"p99us\":%.2f,\"maxus\":%.2f,\"connectP50us\":%.2f", percentile(total, 0.5) / 1e3,
         percentile(total, 0.99) / 1e3, (double)total->max / 1e3, percentile(&figures->connect, 0.5) / 1e3);
}
