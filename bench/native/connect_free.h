// The ports of a range that are not in use: in random order at first, then those that were given back longest
// ago first.
#pragma once

#include <stdint.h>

struct free_ports {
  uint16_t ring[65536];
  uint16_t head;
  uint32_t count;
};

void free_ports_init(struct free_ports* ports, uint16_t low, uint16_t high);

static inline void free_ports_put(struct free_ports* ports, uint16_t port) {
  ports->ring[(uint16_t)(ports->head + ports->count++)] = port;
}

// 0 when there is none.
static inline uint16_t free_ports_take(struct free_ports* ports) {
  if (ports->count == 0) return 0;
  ports->count--;
  return ports->ring[ports->head++];
}

// From 0 to below − 1.
uint32_t random_below(uint32_t below);

void shuffle(uint16_t* ports, uint32_t count);
