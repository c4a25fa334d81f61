#include "connect_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: connect_ports --way WAY --to ADDRESS:PORT --from ADDRESS --low PORT --high PORT MODE [options]\n"
    "  WAY              default, bind, reuse, repeat, window, full, exact, shared\n"
    "  MODE             --fill: opens until all ports are in use; each per cent takes --seconds / 100 at "
    "most,\n"
    "                   then the rest of it is filled as by --hold\n"
    "                   --churn P,P...: at each use of the range (per cent, ascending) closes one socket and "
    "opens one\n"
    "                   --hold P: fills the range so far, prints \"ready COUNT\", ends with its standard "
    "input\n"
    "  --udp            connected UDP sockets instead of TCP\n"
    "  --window N       ports of a window (1000)\n"
    "  --order ORDER    how it is filled before --churn and --hold: random, first-parity, second-parity, "
    "halves (random)\n"
    "  --seconds S      measured time of each level of --churn, at most (1)\n"
    "  --warmup S       before that, at most (1)\n"
    "  --among N        --churn closes one of so many sockets at most, the others stay (all)\n"
    "  --in-order       --churn closes with FIN, so that TIME_WAIT keeps ports\n";

static const char* const ways[] = {"default", "bind",  "reuse",  "repeat", "window",
                                   "full",    "exact", "shared", NULL};
static const char* const orders[] = {"random", "first-parity", "second-parity", "halves", NULL};

static _Noreturn void refuse(const char* what, const char* value) {
  fprintf(stderr, "connect_ports: %s: %s\n%s", what, value, usage);
  exit(2);
}

static double number(const char* text, double low, double high, const char* name) {
  char* end;
  double value = strtod(text, &end);
  if (end == text || *end || !(value >= low && value <= high)) refuse(name, text);
  return value;
}

static int one_of(const char* const* names, const char* text, const char* what) {
  for (int i = 0; names[i] != NULL; i++) {
    if (strcmp(names[i], text) == 0) return i;
  }
  refuse(what, text);
}

static struct sockaddr_in address_of(char* text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  char* colon = strrchr(text, ':');
  if (colon != NULL) {
    address.sin_port = htons((uint16_t)number(colon + 1, 1, 65535, "port"));
    *colon = 0;
  }
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) refuse("not an IPv4 address", text);
  return address;
}

static void read_levels(struct options* options, enum mode mode, char* list) {
  options->mode = mode;
  for (char* item = strtok(list, ","); item != NULL; item = strtok(NULL, ",")) {
    if (options->level_count == MAX_LEVELS) refuse("too many levels", item);
    options->levels[options->level_count++] = number(item, 0, 100, "level");
  }
}

struct options parse_options(int argc, char** argv) {
  struct options options = {.seconds = 1, .warmup = 1, .mode = MODE_FILL, .opener.window = 1000};
  struct route* route = &options.opener.route;
  route->type = SOCK_STREAM;
  static const struct option names[] = {{"way", 1, NULL, 'w'},    {"to", 1, NULL, 't'},
                                        {"from", 1, NULL, 'f'},   {"low", 1, NULL, 'l'},
                                        {"high", 1, NULL, 'h'},   {"fill", 0, NULL, 'F'},
                                        {"churn", 1, NULL, 'C'},  {"hold", 1, NULL, 'H'},
                                        {"udp", 0, NULL, 'u'},    {"window", 1, NULL, 'n'},
                                        {"order", 1, NULL, 'o'},  {"seconds", 1, NULL, 's'},
                                        {"warmup", 1, NULL, 'm'}, {"in-order", 0, NULL, 'i'},
                                        {"among", 1, NULL, 'a'},  {0}};
  for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    switch (name) {
      case 'w':
        options.opener.way = (enum way)one_of(ways, optarg, "way");
        break;
      case 't':
        route->destination = address_of(optarg);
        break;
      case 'f':
        route->source = address_of(optarg);
        break;
      case 'l':
        route->low = (uint16_t)number(optarg, 1, 65535, "low");
        break;
      case 'h':
        route->high = (uint16_t)number(optarg, 1, 65535, "high");
        break;
      case 'F':
        options.mode = MODE_FILL;
        break;
      case 'C':
        read_levels(&options, MODE_CHURN, optarg);
        break;
      case 'H':
        read_levels(&options, MODE_HOLD, optarg);
        break;
      case 'u':
        route->type = SOCK_DGRAM;
        break;
      case 'n':
        options.opener.window = (unsigned)number(optarg, 1, 65535, "window");
        break;
      case 'o':
        options.order = (enum order)one_of(orders, optarg, "order");
        break;
      case 's':
        options.seconds = number(optarg, 0.001, 3600, "seconds");
        break;
      case 'm':
        options.warmup = number(optarg, 0, 3600, "warmup");
        break;
      case 'a':
        options.among = (unsigned)number(optarg, 1, 65535, "among");
        break;
      case 'i':
        options.in_order = 1;
        break;
      default:
        fputs(usage, stderr);
        exit(2);
    }
  }
  if (optind < argc) refuse("unexpected", argv[optind]);
  if (route->low == 0 || route->high < route->low) refuse("range", "--low and --high");
  if (options.opener.window > route->high - route->low + 1u) refuse("larger than the range", "--window");
  return options;
}
