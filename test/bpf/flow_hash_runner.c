// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Answers flow cases from standard input on standard output, C11 and C++20 alike:
//
//   flow_hash_runner host TABLE                  with flow_hash.h, here
//   flow_hash_runner bpf TABLE PROGRAM OFFSET    with a BPF program in the kernel, through BPF_PROG_TEST_RUN
//
// TABLE is a file of 16-bit numbers, PROGRAM one of instructions; at OFFSET it loads the table's map. Needs
// nothing but bpf(2). The kernel forgets program and map when this process ends.
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flow_answer.h"

static char log_text[1 << 20];

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n%s", what, strerror(errno), log_text);
  exit(1);
}

static long bpf(enum bpf_cmd command, union bpf_attr* attributes) {
  return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static __u64 address(const void* pointer) { return (__u64)(unsigned long)pointer; }

static char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) fail(path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char* bytes = (char*)malloc(*size + 1);
  if (bytes == NULL || fread(bytes, 1, *size, file) != *size) fail(path);
  fclose(file);
  return bytes;
}

static int create_table(const __u16* table, __u32 size) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = sizeof(__u32);
  attributes.value_size = sizeof(__u16);
  attributes.max_entries = size;
  const int map = (int)bpf(BPF_MAP_CREATE, &attributes);
  if (map < 0) fail("BPF_MAP_CREATE");
  for (__u32 slot = 0; slot < size; slot++) {
    memset(&attributes, 0, sizeof attributes);
    attributes.map_fd = (__u32)map;
    attributes.key = address(&slot);
    attributes.value = address(&table[slot]);
    if (bpf(BPF_MAP_UPDATE_ELEM, &attributes) != 0) fail("BPF_MAP_UPDATE_ELEM");
  }
  return map;
}

static int load_program(char* instructions, size_t size, size_t map_offset, int map) {
  struct bpf_insn* load = (struct bpf_insn*)(void*)(instructions + map_offset);
  load->src_reg = BPF_PSEUDO_MAP_FD;
  load->imm = map;
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_XDP;
  attributes.insns = address(instructions);
  attributes.insn_cnt = (__u32)(size / sizeof(struct bpf_insn));
  attributes.license = address("Dual MIT/GPL");
  int program = (int)bpf(BPF_PROG_LOAD, &attributes);
  if (program >= 0) return program;
  attributes.log_buf = address(log_text);
  attributes.log_size = sizeof log_text;
  attributes.log_level = 1;
  program = (int)bpf(BPF_PROG_LOAD, &attributes);
  if (program < 0) fail("BPF_PROG_LOAD");
  return program;
}

static void answer_in_kernel(int program, struct flow_case* question) {
  struct flow_case out = *question;
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.test.prog_fd = (__u32)program;
  attributes.test.data_in = address(question);
  attributes.test.data_size_in = sizeof *question;
  attributes.test.data_out = address(&out);
  attributes.test.data_size_out = sizeof out;
  if (bpf(BPF_PROG_TEST_RUN, &attributes) != 0) fail("BPF_PROG_TEST_RUN");
  if (attributes.test.retval != XDP_PASS) fail("the program refused the packet");
  *question = out;
}

int main(int count, char** arguments) {
  const int in_kernel = count == 5 && strcmp(arguments[1], "bpf") == 0;
  if (!in_kernel && (count != 3 || strcmp(arguments[1], "host") != 0)) {
    fprintf(stderr, "usage: %s host TABLE | bpf TABLE PROGRAM OFFSET\n", arguments[0]);
    return 2;
  }
  size_t bytes;
  const __u16* table = (const __u16*)(void*)read_file(arguments[2], &bytes);
  const __u32 size = (__u32)(bytes / sizeof *table);
  int program = -1;
  if (in_kernel) {
    size_t length;
    char* instructions = read_file(arguments[3], &length);
    program = load_program(instructions, length, (size_t)atol(arguments[4]), create_table(table, size));
  }
  struct flow_case question;
  while (fread(&question, sizeof question, 1, stdin) == 1) {
    if (in_kernel) {
      answer_in_kernel(program, &question);
    } else {
      answer(&question);
      question.backend = question.slot < size ? table[question.slot] : 0xffff;
    }
    if (fwrite(&question, sizeof question, 1, stdout) != 1) fail("standard output");
  }
  return 0;
}
