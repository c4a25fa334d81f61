// Sockets by the ten thousand where a process may have fewer: threads, each with a table of descriptors of
// its own (unshare(2), CLONE_FILES), of which one works at a time. The limit of RLIMIT_NOFILE is that of a
// table.
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

struct held {
  int fd;
  uint16_t port;
};

struct table {
  pthread_t thread;
  sem_t work, done;
  void (*job)(struct table* table, void* argument);
  void* argument;
  struct held* held;
  uint32_t count, capacity;
};

struct tables {
  struct table* items;
  uint32_t length;
};

// Raises RLIMIT_NOFILE as far as it goes. Returns how many sockets one table holds.
uint32_t table_capacity(void);

// Enough tables for so many sockets.
struct tables start_tables(uint32_t sockets);

// Runs a job in the table's thread, and waits for its end.
void run_in_table(struct table* table, void (*job)(struct table* table, void* argument), void* argument);

uint32_t held_in_all(const struct tables* tables);

// One of the tables, each as likely as it has sockets.
struct table* random_table(const struct tables* tables);
