#include "connect_free.h"

#include <sys/random.h>

// xorshift64*: the measured part must not wait for the kernel's generator.
static uint64_t state;

uint32_t random_below(uint32_t below) {
  while (state == 0) {
    if (getrandom(&state, sizeof(state), 0) < 0) state = 0;
  }
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  uint64_t value = (state * 0x2545f4914f6cdd1du) >> 32;
  return (uint32_t)((value * below) >> 32);
}

void shuffle(uint16_t* ports, uint32_t count) {
  for (uint32_t i = count; i > 1; i--) {
    uint32_t j = random_below(i);
    uint16_t port = ports[i - 1];
    ports[i - 1] = ports[j];
    ports[j] = port;
  }
}

void free_ports_init(struct free_ports* ports, uint16_t low, uint16_t high) {
  ports->head = 0;
  ports->count = 0;
  for (uint32_t port = low; port <= high; port++) free_ports_put(ports, (uint16_t)port);
  shuffle(ports->ring, ports->count);
}
