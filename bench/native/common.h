// What every program here needs: socket options, errors that end the program, a clean end on SIGTERM.
#pragma once

#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

// Older C libraries' headers lack these; the values are the kernel's (linux/udp.h).
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
  SLOT_BYTES = 65536,            // holds any datagram, and any aggregate that UDP_GRO makes
  SOCKET_BUFFER_BYTES = 4 << 20  // no loss in the closed loop: every outstanding datagram fits
};

static volatile sig_atomic_t stopping;

static inline void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

static _Noreturn inline void fail(const char* what) {
  perror(what);
  exit(1);
}

// SIGTERM must interrupt a blocking receive, so SA_RESTART is left off.
static inline void stop_on_sigterm(void) {
  struct sigaction action = {.sa_handler = stop};
  if (sigaction(SIGTERM, &action, NULL) != 0) fail("sigaction");
}

static inline void set_option(int fd, int level, int name, int value, const char* label) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) != 0) fail(label);
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
