// The limit: recvmmsg and sendmmsg, 64 messages a call, replying from the address asked.
//   --gso  merge consecutive replies of one size to one peer into one send (UDP_SEGMENT)
//   --gro  take aggregates from a peer that sends with UDP_SEGMENT, and answer each with one send
//   --spin ask again for 100 µs before sleeping: what a round trip costs without a wake-up

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>

#include "pktinfo.h"
#include "server.h"

enum {
  BATCH = 64,
  MAX_SEGMENTS = 64,       // UDP_MAX_SEGMENTS before Linux 6.9; a batch cannot hold more anyway
  MAX_SEND_BYTES = 65507,  // largest UDP payload over IPv4
  SPIN_NS = 100 * 1000,
};

static uint8_t slots[BATCH][SLOT_BYTES];
static struct sockaddr_in peers[BATCH];
static struct arrival arrivals[BATCH];
static control_buffer in_controls[BATCH], out_controls[BATCH];
static struct iovec in_vectors[BATCH], out_vectors[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];

static struct { int gso, gro, spin; } options;

// Takes what is there; sleeps only when nothing is. Waiting with poll keeps the socket out of an epoll set,
// where each datagram sent would pay for a wake-up of this very process.
static int receive(int fd) {
  for (int i = 0; i < BATCH; i++) {
    in[i].msg_hdr.msg_namelen = sizeof(peers[i]);
    in[i].msg_hdr.msg_controllen = sizeof(in_controls[i].bytes);
  }
  uint64_t patience = options.spin ? now_ns() + SPIN_NS : 0;
  while (!stopping) {
    int count = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
    if (count > 0) return count;
    if (count < 0 && errno != EAGAIN && errno != EINTR) fail("recvmmsg");
    if (options.spin && now_ns() < patience) continue;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (poll(&waiting, 1, -1) < 0 && errno != EINTR) fail("poll");
  }
  return 0;
}

// Adds one to the first byte of every datagram: the work that each server does.
static void touch(uint8_t* payload, int length, int segment_bytes) {
  int step = segment_bytes ? segment_bytes : length;
  for (int offset = 0; offset < length; offset += step) payload[offset]++;
}

static int same_path(int a, int b) {
  return peers[a].sin_addr.s_addr == peers[b].sin_addr.s_addr && peers[a].sin_port == peers[b].sin_port &&
         arrivals[a].local.s_addr == arrivals[b].local.s_addr;
}

// How many datagrams from `first` on may share one send: same path, same size, only the last may be shorter.
static int mergeable(int first, int count) {
  size_t segment = in[first].msg_len, total = segment;
  int end = first + 1;
  while (end < count && end - first < MAX_SEGMENTS && same_path(first, end)) {
    size_t length = in[end].msg_len;
    if (length == 0 || length > segment || total + length > MAX_SEND_BYTES) break;
    total += length;
    end++;
    if (length < segment) break;
  }
  return end - first;
}

static int make_replies(int count) {
  int replies = 0;
  for (int i = 0; i < count; i++) {
    arrivals[i] = read_arrival(&in[i].msg_hdr);
    touch(slots[i], (int)in[i].msg_len, arrivals[i].segment_bytes);
    out_vectors[i].iov_len = in[i].msg_len;
  }
  for (int i = 0; i < count; replies++) {
    int merged = options.gso ? mergeable(i, count) : 1;
    int segment = merged > 1 ? (int)in[i].msg_len : arrivals[i].segment_bytes;
    struct msghdr* header = &out[replies].msg_hdr;
    header->msg_name = &peers[i];
    header->msg_namelen = sizeof(peers[i]);
    header->msg_iov = &out_vectors[i];
    header->msg_iovlen = (size_t)merged;
    write_departure(header, &out_controls[replies], arrivals[i].local, segment);
    i += merged;
  }
  return replies;
}

static void send_all(int fd, int count) {
  for (int sent = 0; sent < count && !stopping;) {
    int n = sendmmsg(fd, out + sent, (unsigned)(count - sent), 0);
    if (n < 0 && errno != EINTR) fail("sendmmsg");
    if (n > 0) sent += n;
  }
}

static void parse_options(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--gso") == 0) {
      options.gso = 1;
    } else if (strcmp(argv[i], "--gro") == 0) {
      options.gro = 1;
    } else if (strcmp(argv[i], "--spin") == 0) {
      options.spin = 1;
    } else {
      fprintf(stderr, "echo_mmsg: unknown option %s\n", argv[i]);
      exit(2);
    }
  }
  if (options.gso && options.gro) {
    // An aggregate is one send already; merging several would need one segment size for all.
    fprintf(stderr, "echo_mmsg: --gso and --gro exclude each other\n");
    exit(2);
  }
}

int main(int argc, char** argv) {
  parse_options(argc, argv);
  for (int i = 0; i < BATCH; i++) {
    in_vectors[i] = (struct iovec){.iov_base = slots[i], .iov_len = SLOT_BYTES};
    out_vectors[i].iov_base = slots[i];
    in[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                    .msg_iov = &in_vectors[i],
                                    .msg_iovlen = 1,
                                    .msg_control = in_controls[i].bytes};
  }
  int fd = open_server();
  if (options.gro) set_option(fd, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
  for (int count; (count = receive(fd)) > 0;) send_all(fd, make_replies(count));
  return 0;
}
