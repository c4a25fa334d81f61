// One flow: a connected socket and the datagrams that it has outstanding.
//
// A flow's window is cut into bursts of `options.burst` datagrams; a burst leaves in one send and is sent
// anew, with a new sequence number, when all of it has come back or when it is given up as lost. Without
// --gso a burst is one datagram.
#pragma once

#include <stdint.h>

#include "histogram.h"
#include "load_options.h"

// What each datagram carries; the rest of it is filled with bytes of its own. The server must add one to
// `touched` and change nothing else.
struct header {
  uint8_t touched;
  uint8_t unused;
  uint16_t flow;
  uint16_t burst;
  uint16_t segment;  // place within the burst
  uint64_t sequence;
  uint64_t sent_ns;
};

struct burst {
  uint8_t* bytes;  // its datagrams, one after the other, as sent
  uint64_t sequence;
  uint64_t sent_ns;
  uint64_t missing;  // one bit per datagram that has not come back
};

enum { PROXY_BYTES = 28 };

struct flow {
  int fd;
  int index;
  int burst_count;
  struct burst* bursts;
  uint8_t proxy[PROXY_BYTES];  // PROXY v2 header of a client of its own
};

struct results {
  uint64_t echoes;
  uint64_t lost;     // not answered within the timeout, nor later
  uint64_t late;     // answered after that
  uint64_t corrupt;  // not what was sent
  uint64_t polls, empty_polls;
  struct histogram times;
};

// Opens the flow's socket and sends its whole window.
void start_flow(struct flow* flow, int index, const struct options* options);

// Takes what has come back, and sends it anew unless `draining`.
void turn_flow(struct flow* flow, const struct options* options, struct results* results, int draining);

// Counts what is overdue as lost and, unless `draining`, sends it anew. Returns the datagrams outstanding.
uint64_t expire_flow(struct flow* flow, const struct options* options, struct results* results, int draining);
