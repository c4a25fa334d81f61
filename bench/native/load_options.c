#include "load_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: udp_load --target ADDRESS:PORT[,ADDRESS:PORT...] [options]\n"
    "  --flows N       connected sockets, spread over the targets (16)\n"
    "  --window N      datagrams outstanding per flow (16)\n"
    "  --size BYTES    payload, 32 to 65507 (512)\n"
    "  --seconds S     measured time (2)\n"
    "  --warmup S      time before that (0.5)\n"
    "  --count N       stop after N measured echoes, or when the time is over\n"
    "  --timeout MS    count a datagram as lost and send it anew after this (200)\n"
    "  --gso N         send N datagrams at a time with UDP_SEGMENT and receive with UDP_GRO\n"
    "  --proxied       put a PROXY v2 header (IPv4, 28 bytes) before each payload; not with --gso\n"
    "  --cpu-of PID    the server: report the CPU time that it used meanwhile\n";

static _Noreturn void refuse(const char* what, const char* value) {
  fprintf(stderr, "udp_load: %s: %s\n%s", what, value, usage);
  exit(2);
}

static double number(const char* text, double low, double high, const char* name) {
  char* end;
  double value = strtod(text, &end);
  if (end == text || *end || !(value >= low && value <= high)) refuse(name, text);
  return value;
}

static void add_targets(struct options* options, char* list) {
  for (char* item = strtok(list, ","); item; item = strtok(NULL, ",")) {
    if (options->target_count == MAX_TARGETS) refuse("too many targets", item);
    struct sockaddr_in* target = &options->targets[options->target_count++];
    char* colon = strrchr(item, ':');
    if (!colon) refuse("target without a port", item);
    *colon = 0;
    target->sin_family = AF_INET;
    if (inet_pton(AF_INET, item, &target->sin_addr) != 1) refuse("not an IPv4 address", item);
    target->sin_port = htons((uint16_t)number(colon + 1, 1, 65535, "port"));
  }
}

static void check(struct options* options) {
  if (options->target_count == 0) refuse("missing", "--target");
  if (options->proxied && options->burst > 1) refuse("not with --gso", "--proxied");
  // A flow's window is a whole number of bursts, and a burst is one send.
  if (options->burst > options->window) options->burst = options->window;
  if (options->burst * options->size > MAX_SIZE) options->burst = MAX_SIZE / options->size;
  options->window -= options->window % options->burst;
}

struct options parse_options(int argc, char** argv) {
  struct options options = {
      .flows = 16, .window = 16, .size = 512, .seconds = 2, .warmup = 0.5, .timeout_ms = 200, .burst = 1};
  static const struct option names[] = {
      {"target", 1, NULL, 'a'},  {"flows", 1, NULL, 'f'},   {"window", 1, NULL, 'w'},
      {"size", 1, NULL, 's'},    {"seconds", 1, NULL, 't'}, {"warmup", 1, NULL, 'u'},
      {"count", 1, NULL, 'n'},   {"timeout", 1, NULL, 'l'}, {"gso", 1, NULL, 'g'},
      {"proxied", 0, NULL, 'x'}, {"cpu-of", 1, NULL, 'p'},  {0}};
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (name) {
      case 'a':
        add_targets(&options, optarg);
        break;
      case 'f':
        options.flows = (int)number(optarg, 1, MAX_FLOWS, "flows");
        break;
      case 'w':
        options.window = (int)number(optarg, 1, MAX_WINDOW, "window");
        break;
      case 's':
        options.size = (int)number(optarg, MIN_SIZE, MAX_SIZE, "size");
        break;
      case 't':
        options.seconds = number(optarg, 0.01, 3600, "seconds");
        break;
      case 'u':
        options.warmup = number(optarg, 0, 600, "warmup");
        break;
      case 'n':
        options.count = (uint64_t)number(optarg, 1, 1e12, "count");
        break;
      case 'l':
        options.timeout_ms = (int)number(optarg, 1, 10000, "timeout");
        break;
      case 'g':
        options.burst = (int)number(optarg, 1, 64, "gso");
        break;
      case 'x':
        options.proxied = 1;
        break;
      case 'p':
        options.server_pid = (int)number(optarg, 1, 1 << 22, "cpu-of");
        break;
      default:
        fputs(usage, stderr);
        exit(2);
    }
  }
  if (optind < argc) refuse("unexpected", argv[optind]);
  check(&options);
  return options;
}
