// What openings took, and how it is printed.
#pragma once

#include "connect_socket.h"
#include "histogram.h"

struct figures {
  struct histogram total, connect;  // ns
  uint64_t total_ns;
  uint64_t refused, failed;
};

void add_opened(struct figures* figures, const struct opened* opened);

// Members of a JSON object, without braces.
void print_figures(const struct figures* figures);
