#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int target;

static void take(int number, siginfo_t *info, void *context) {
  (void)context;
  int saved = errno;
  struct linux_signal record = {number, number == SIGBUS ? (uint64_t)(uintptr_t)info->si_addr : 0};
  // Smaller than PIPE_BUF: whole or not at all.
  while (write(target, &record, sizeof record) < 0 && errno == EINTR) {}
  if (number == SIGBUS)
    for (;;) pause();
  errno = saved;
}

int linux_watch_signals(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  target = ends[1];
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGBUS};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction now;
    if (sigaction(numbers[i], 0, &now) != 0 || now.sa_handler == SIG_IGN) continue;
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = take;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(numbers[i], &ours, 0);
  }
  return ends[0];
}
