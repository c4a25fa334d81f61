// The load generator's command line.
#pragma once

#include <netinet/in.h>
#include <stdint.h>

enum { MAX_TARGETS = 64, MAX_FLOWS = 4096, MAX_WINDOW = 4096, MIN_SIZE = 32, MAX_SIZE = 65507 };

struct options {
  struct sockaddr_in targets[MAX_TARGETS];  // flow i talks to targets[i % target_count]
  int target_count;
  int flows;
  int window;  // datagrams outstanding per flow
  int size;    // UDP payload bytes
  double seconds;
  double warmup;
  uint64_t count;  // stop after this many echoes; 0: only the time ends the run
  int timeout_ms;  // an unanswered datagram is lost after this
  int burst;       // datagrams per UDP_SEGMENT send; 1: ordinary datagrams
  int proxied;     // a PROXY v2 header before each payload; answers come without
  int server_pid;  // whose CPU time is measured; 0: nobody's
};

// Exits with a message on anything it does not understand.
struct options parse_options(int argc, char** argv);
