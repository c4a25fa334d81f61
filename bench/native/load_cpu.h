// Who used the cores while the load ran: the server, this program, and others, who disturb the measurement.
#pragma once

// Seconds since some moment in the past; only differences mean anything.
struct cpu_sample {
  double server;  // CPU time of all threads of the server
  double own;     // CPU time of this program
  double cores;   // time that the cores which the two may run on were not idle
};

// `server_pid` 0: no server is measured, and the cores are this program's.
struct cpu_sample sample_cpu(int server_pid);

// Time that others used those cores, as a share of one core.
double share_of_others(struct cpu_sample before, struct cpu_sample after, double seconds);
