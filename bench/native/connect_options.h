#pragma once

#include "connect_socket.h"

enum mode { MODE_FILL, MODE_CHURN, MODE_HOLD };

// In which order ports are taken when a range is filled beforehand.
enum order {
  ORDER_RANDOM,
  ORDER_FIRST_PARITY,   // those of the range's first port's parity, then the others: as connect(2) does
  ORDER_SECOND_PARITY,  // the others first: as bind(2) does
  ORDER_HALVES,  // the second parity, then the first, in the lower half, then in the upper: bind(2) with
                 // SO_REUSEADDR
};

enum { MAX_LEVELS = 16 };

struct options {
  struct opener opener;
  enum mode mode;
  enum order order;
  double levels[MAX_LEVELS];  // use of the range, per cent, ascending
  int level_count;
  double seconds, warmup;
  int in_order;    // close with FIN
  unsigned among;  // sockets of which --churn closes one; 0: of all
};

struct options parse_options(int argc, char** argv);
