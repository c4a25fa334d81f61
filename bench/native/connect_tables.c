#define _GNU_SOURCE
#include "connect_tables.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common.h"
#include "connect_free.h"

// What a table needs beside the sockets that it holds: standard streams, the listener, one that is being
// opened.
enum { OTHER_DESCRIPTORS = 32 };

uint32_t table_capacity(void) {
  struct rlimit limit, wanted = {.rlim_cur = 1 << 18, .rlim_max = 1 << 18};
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return (1 << 18) - OTHER_DESCRIPTORS;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
  return (uint32_t)(limit.rlim_cur < 1 << 18 ? limit.rlim_cur : 1 << 18) - OTHER_DESCRIPTORS;
}

static void* work(void* argument) {
  struct table* table = argument;
  if (unshare(CLONE_FILES) != 0) fail("unshare");
  for (;;) {
    sem_wait(&table->work);
    table->job(table, table->argument);
    sem_post(&table->done);
  }
}

struct tables start_tables(uint32_t sockets) {
  uint32_t capacity = table_capacity();
  struct tables tables = {.length = (sockets + capacity - 1) / capacity};
  tables.items = calloc(tables.length, sizeof(*tables.items));
  if (tables.items == NULL) fail("calloc");
  for (uint32_t i = 0; i < tables.length; i++) {
    struct table* table = &tables.items[i];
    table->capacity = capacity;
    table->held = calloc(capacity, sizeof(*table->held));
    if (table->held == NULL || sem_init(&table->work, 0, 0) != 0 || sem_init(&table->done, 0, 0) != 0)
      fail("table");
    if (pthread_create(&table->thread, NULL, work, table) != 0) fail("pthread_create");
  }
  return tables;
}

void run_in_table(struct table* table, void (*job)(struct table* table, void* argument), void* argument) {
  table->job = job;
  table->argument = argument;
  sem_post(&table->work);
  while (sem_wait(&table->done) != 0) continue;  // a signal
}

uint32_t held_in_all(const struct tables* tables) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < tables->length; i++) count += tables->items[i].count;
  return count;
}

struct table* random_table(const struct tables* tables) {
  uint32_t chosen = random_below(held_in_all(tables));
  uint32_t i = 0;
  while (chosen >= tables->items[i].count) chosen -= tables->items[i++].count;
  return &tables->items[i];
}
