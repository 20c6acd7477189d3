// Signals as records in a pipe. A handler may do next to nothing; a thread that reads the pipe may do everything.
#pragma once
#include <stdint.h>

// A signal that came, and, for SIGBUS, the address that could not be read.
struct linux_signal {
  int64_t number;
  uint64_t address;
};

// Catches SIGINT, SIGTERM and SIGHUP, where they are not ignored already (nohup), and SIGBUS. Returns the end of the
// pipe that the records are read from, or -1 with errno. A thread that was hit by SIGBUS sleeps from then on: its
// instruction can neither be repeated nor skipped, and whoever reads the pipe ends the process.
int linux_watch_signals(void);
