// Picks backends for flows as a data plane in C would: bpf/include/flow_hash.h and a table of 16-bit indices.
//
//   flow_pick FILE     FILE: secret (8 bytes), number of flows, number of slots (32 bits each), flows, slots
//
// For each line `COUNT` on standard input it picks for so many flows, one after the other, round and round,
// and prints `NANOSECONDS SUM`: the time, and the sum of the indices (mod 2^32).
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../bpf/include/flow_hash.h"

struct input {
  struct flow_secret secret;
  uint32_t flow_count; /* a power of two */
  uint32_t size;
};

static void* read_items(FILE* file, size_t bytes, uint32_t count) {
  void* items = calloc(count, bytes);
  if (items == NULL || fread(items, bytes, count, file) != count) {
    fprintf(stderr, "flow_pick: the file is too short\n");
    exit(1);
  }
  return items;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint32_t pick_all(const struct input* input, const struct flow_ipv4* flows, const uint16_t* slots,
                         uint32_t count) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct flow_ipv4* flow = &flows[i & (input->flow_count - 1)];
    uint32_t hash = flow_hash_ipv4(flow, FLOW_AFFINITY_FLOW, input->secret);
    sum += slots[flow_slot(hash, input->size)];
  }
  return sum;
}

int main(int argc, char** argv) {
  FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: flow_pick FILE\n");
    return 2;
  }
  struct input* input = read_items(file, sizeof *input, 1);
  struct flow_ipv4* flows = read_items(file, sizeof *flows, input->flow_count);
  uint16_t* slots = read_items(file, sizeof *slots, input->size);
  fclose(file);

  uint32_t count;
  while (scanf("%" SCNu32, &count) == 1) {
    uint64_t start = now();
    uint32_t sum = pick_all(input, flows, slots, count);
    printf("%" PRIu64 " %" PRIu32 "\n", now() - start, sum);
    fflush(stdout);
  }
  free(slots);
  free(flows);
  free(input);
  return 0;
}
