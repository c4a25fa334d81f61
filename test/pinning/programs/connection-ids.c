/* Gives ngtcp2's example server connection IDs that a test has made, without a change to the server: it fills
   each new one, of 18 bytes, with gnutls_rnd(3), and with nothing else of that length. Loaded with
   LD_PRELOAD.

   CONNECTION_IDS names a file of them, one after the other. When they are used up the program ends: it never
   goes on with others. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* NGTCP2_SV_SCIDLEN of the example server. */
enum { LENGTH = 18 };

typedef int (*gnutls_rnd_function)(int level, void* data, size_t length);

int gnutls_rnd(int level, void* data, size_t length) {
  static FILE* ids;
  if (length != LENGTH) {
    gnutls_rnd_function original = (gnutls_rnd_function)dlsym(RTLD_NEXT, "gnutls_rnd");
    return original(level, data, length);
  }
  if (ids == NULL) ids = fopen(getenv("CONNECTION_IDS"), "rb");
  if (ids == NULL || fread(data, LENGTH, 1, ids) != 1) {
    fprintf(stderr, "no more connection IDs\n");
    abort();
  }
  return 0;
}
