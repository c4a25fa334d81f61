// One thread's time for a round trip: a client in one network namespace asks, a server in another answers, by
// turns in this thread, so that all that the kernel does for both is in it.
//
//   reply_trip CLIENT_NS SERVER_NS VIP OWN PORT FLOWS TRIPS SERVER
//
// FLOWS is a power of two: the client asks from so many addresses of 10.64.0.0/11, which are local to its
// host. SERVER is how the server answers: plain, bound (to the VIP) or pktinfo. Prints ns a trip, and how
// many answers came from the VIP and from OWN.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void enter(const char* name) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) fail(path);
  close(fd);
}

static int open_socket(const char* address, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &name.sin_addr);
  if (fd < 0 || bind(fd, (struct sockaddr*)&name, sizeof name) != 0) fail("bind");
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  const struct timeval patience = {.tv_sec = 1};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

// Sends with a source address, or 0 for the kernel's choice.
static void send_from(int fd, const struct sockaddr_in* to, uint32_t source, char* payload, size_t length) {
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec data = {payload, length};
  struct msghdr message = {
      .msg_name = (void*)to, .msg_namelen = sizeof *to, .msg_iov = &data, .msg_iovlen = 1};
  if (source != 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    control.header.cmsg_level = IPPROTO_IP;
    control.header.cmsg_type = IP_PKTINFO;
    control.header.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    ((struct in_pktinfo*)CMSG_DATA(&control.header))->ipi_spec_dst.s_addr = source;
  }
  if (sendmsg(fd, &message, 0) < 0) fail("sendmsg");
}

// Receives, and says where it came from and to.
static ssize_t receive(int fd, struct sockaddr_in* from, uint32_t* to, char* payload, size_t length) {
  union control control;
  struct iovec data = {payload, length};
  struct msghdr message = {.msg_name = from,
                           .msg_namelen = sizeof *from,
                           .msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  const ssize_t received = recvmsg(fd, &message, 0);
  if (received < 0) fail("recvmsg");
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *to = header != NULL ? ((struct in_pktinfo*)CMSG_DATA(header))->ipi_addr.s_addr : 0;
  return received;
}

int main(int count, char** arguments) {
  if (count != 9) {
    fprintf(stderr, "usage: %s CLIENT_NS SERVER_NS VIP OWN PORT FLOWS TRIPS plain|bound|pktinfo\n",
            arguments[0]);
    return 2;
  }
  const uint16_t port = (uint16_t)atoi(arguments[5]);
  const uint32_t flows = (uint32_t)atol(arguments[6]);
  const long trips = atol(arguments[7]);
  const int bound = strcmp(arguments[8], "bound") == 0;
  const int pktinfo = strcmp(arguments[8], "pktinfo") == 0;
  enter(arguments[1]);
  const int client = open_socket("0.0.0.0", 20000);
  enter(arguments[2]);
  const int server = open_socket(bound ? arguments[3] : "0.0.0.0", port);

  struct sockaddr_in vip = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in own = vip;
  inet_pton(AF_INET, arguments[3], &vip.sin_addr);
  inet_pton(AF_INET, arguments[4], &own.sin_addr);
  char payload[64] = "who are you?";
  long from_vip = 0, from_own = 0;
  struct timespec begin, end;
  const long warm_up = 2000;
  for (long i = -warm_up; i < trips; i++) {
    if (i == 0) clock_gettime(CLOCK_MONOTONIC, &begin);
    struct sockaddr_in peer;
    uint32_t to;
    send_from(client, &vip, htonl((10u << 24 | 64u << 16) + ((uint32_t)(i + warm_up) & (flows - 1)) + 1),
              payload, 12);
    const ssize_t length = receive(server, &peer, &to, payload, sizeof payload);
    send_from(server, &peer, pktinfo ? to : 0, payload, (size_t)length);
    receive(client, &peer, &to, payload, sizeof payload);
    if (i < 0) continue;
    from_vip += peer.sin_addr.s_addr == vip.sin_addr.s_addr;
    from_own += peer.sin_addr.s_addr == own.sin_addr.s_addr;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  printf("{\"ns\":%.1f,\"vip\":%ld,\"own\":%ld}\n", ns / (double)trips, from_vip, from_own);
  return 0;
}
