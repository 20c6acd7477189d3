// Runs a command and stops it at one of its system calls: those that change files, folders and locks, whichever thread makes them.
//
//     stop LOG MODE N SEED SAVE COMMAND...
//
// Every such call has a number, from 1. LOG gets a line for each, with its name and what it was on. MODE says what becomes of call N:
//   count        nothing: only the list is wanted
//   before       the process is killed instead of the call
//   after        the call is made, then the process is killed
//   torn         half of what is written reaches the file, then the process is killed
//   short        half of what was asked for is done, and the process goes on
//   error=CODE   the call fails with this error number; error+=CODE: this one and all later ones of its name
//   power        the process is killed, and some of what was not yet synchronized is lost: data, in sectors of 512 bytes,
//                and names, the last ones first. SEED draws which. SAVE is an empty folder for files that may come back
//
// By ptrace, so that no call is missed, in whatever library it is made. For x86-64.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "stop.c knows the registers of x86-64 only"
#endif

typedef unsigned long long word;
enum { FD, PATH, PATHAT, TWO, TWOAT, OPENAT };  // what the arguments name
static const struct call { long number; const char *name; int form, length; } calls[] = {
  // length: the argument that says how many bytes, or -1
  {SYS_pwrite64, "pwrite", FD, 2}, {SYS_write, "write", FD, 2}, {SYS_copy_file_range, "copy_file_range", FD, 4},
  {SYS_pread64, "pread", FD, 2}, {SYS_read, "read", FD, 2}, {SYS_fdatasync, "fdatasync", FD, -1}, {SYS_fsync, "fsync", FD, -1},
  {SYS_ftruncate, "ftruncate", FD, -1}, {SYS_fallocate, "fallocate", FD, -1}, {SYS_flock, "flock", FD, -1},
  {SYS_fchmod, "fchmod", FD, -1}, {SYS_fchown, "fchown", FD, -1}, {SYS_open, "open", PATH, -1}, {SYS_openat, "open", OPENAT, -1},
  {SYS_rename, "rename", TWO, -1}, {SYS_renameat, "rename", TWOAT, -1}, {SYS_renameat2, "rename", TWOAT, -1},
  {SYS_link, "link", TWO, -1}, {SYS_linkat, "link", TWOAT, -1}, {SYS_unlink, "unlink", PATH, -1},
  {SYS_unlinkat, "unlink", PATHAT, -1}, {SYS_mkdir, "mkdir", PATH, -1}, {SYS_mkdirat, "mkdir", PATHAT, -1},
  {SYS_rmdir, "rmdir", PATH, -1}, {SYS_chmod, "chmod", PATH, -1},
};

static FILE *list;
static long wanted, counter;
static enum { COUNT, BEFORE, AFTER, TORN, SHORT, ERROR, POWER } mode;
static int code, persists;
static const char *failing, *save;
static pid_t leader;

struct thread { pid_t id; int inside; const struct call *call; word args[6]; int doomed, failed; char path[PATH_MAX], other[PATH_MAX]; };
static struct thread threads[256];

static struct thread *thread(pid_t id) {
  struct thread *free_ = 0;
  for (int i = 0; i < 256; i++) {
    if (threads[i].id == id) return &threads[i];
    if (!threads[i].id && !free_) free_ = &threads[i];
  }
  if (!free_) { fprintf(stderr, "stop: too many threads\n"); exit(70); }
  memset(free_, 0, sizeof *free_);
  free_->id = id;
  return free_;
}

static void text(pid_t id, word address, char *out) {
  struct iovec here = {out, PATH_MAX - 1}, there = {(void *)address, PATH_MAX - 1};
  ssize_t count = process_vm_readv(id, &here, 1, &there, 1, 0);
  if (count <= 0) {  // the string may stand at the end of a mapped page
    there.iov_len = here.iov_len = 4096 - address % 4096;
    count = process_vm_readv(id, &here, 1, &there, 1, 0);
  }
  out[count < 0 ? 0 : count] = 0;
}

// A path as this process can use it; the command may have another folder.
static void whole(pid_t id, word address, char *out) {
  char name[PATH_MAX], link[64], folder[PATH_MAX];
  text(id, address, name);
  if (name[0] == '/') { snprintf(out, PATH_MAX, "%s", name); return; }
  snprintf(link, sizeof link, "/proc/%d/cwd", id);
  ssize_t count = readlink(link, folder, sizeof folder - 1);
  folder[count < 0 ? 0 : count] = 0;
  if (strlen(folder) + strlen(name) + 2 < PATH_MAX) { strcpy(out, folder); strcat(out, "/"); strcat(out, name); }
}

static void descriptor(pid_t id, int number, char *out) {
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/fd/%d", id, number);
  ssize_t count = readlink(link, out, PATH_MAX - 1);
  out[count < 0 ? 0 : count] = 0;
}

// MARK: what a power cut would lose

struct page { dev_t device; ino_t number; char path[PATH_MAX]; off_t offset, size; int have; unsigned char old[4096]; struct page *next; };
struct entry { enum { CREATED, RENAMED, REMOVED } kind; char from[PATH_MAX], to[PATH_MAX], kept[PATH_MAX]; struct entry *next; };
static struct page *pages;
static struct entry *entries;
static int kept;

static void remember(struct thread *t, int number, off_t start, off_t length) {
  char path[64], name[PATH_MAX];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", t->id, number);
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  descriptor(t->id, number, name);
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
    for (off_t offset = start & ~4095L; offset < start + length; offset += 4096) {
      struct page *page = pages;
      while (page && !(page->number == status.st_ino && page->device == status.st_dev && page->offset == offset)) page = page->next;
      if (page) continue;  // the oldest content that was not synchronized counts
      page = calloc(1, sizeof *page);
      page->device = status.st_dev; page->number = status.st_ino; page->offset = offset; page->size = status.st_size;
      snprintf(page->path, PATH_MAX, "%s", name);
      ssize_t have = pread(file, page->old, 4096, offset);
      page->have = have < 0 ? 0 : have;
      page->next = pages;
      pages = page;
    }
  close(file);
}

static void synchronized_(struct thread *t, int number) {
  char path[64];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", t->id, number);
  if (stat(path, &status)) return;
  if (S_ISDIR(status.st_mode)) { entries = 0; return; }
  struct page **page = &pages;
  while (*page) if ((*page)->number == status.st_ino && (*page)->device == status.st_dev) *page = (*page)->next; else page = &(*page)->next;
}

static void named(int kind, const char *from, const char *to) {
  struct entry *entry = calloc(1, sizeof *entry);
  entry->kind = kind;
  snprintf(entry->from, PATH_MAX, "%s", from);
  snprintf(entry->to, PATH_MAX, "%s", to);
  if (kind != CREATED) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.3000s/%d", save, kept++);
    if (link(kind == RENAMED ? to : from, name) == 0) strcpy(entry->kept, name);
  }
  entry->next = entries;
  entries = entry;
}

static void lose(void) {
  static const double shares[] = {0, 0.2, 0.5, 0.8, 1};
  double share = shares[lrand48() % 5];
  int sectors = lrand48() % 2;
  for (struct page *page = pages; page; page = page->next) {
    if (drand48() >= share) continue;
    struct stat status;
    int file = open(page->path, O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    if (fstat(file, &status) == 0 && status.st_ino == page->number) {
      for (int at = 0; at < page->have; at += 512)
        if (!sectors || lrand48() % 2)
          if (pwrite(file, page->old + at, page->have - at < 512 ? page->have - at : 512, page->offset + at) < 0) perror("stop: pwrite");
      if (page->size < status.st_size && lrand48() % 3 == 0 && ftruncate(file, page->size)) perror("stop: ftruncate");
    }
    close(file);
  }
  int total = 0;
  for (struct entry *entry = entries; entry; entry = entry->next) total++;
  int undone = total ? lrand48() % (total + 1) : 0;
  for (struct entry *entry = entries; entry && undone; entry = entry->next, undone--)
    switch (entry->kind) {
    case CREATED: unlink(entry->from); break;
    case RENAMED:
      if (rename(entry->to, entry->from)) break;
      if (entry->kept[0] && rename(entry->kept, entry->to)) perror("stop: rename");
      break;
    case REMOVED: if (entry->kept[0] && rename(entry->kept, entry->from)) perror("stop: rename");
    }
}

// MARK: one call

static void die(void) {
  fflush(list);
  kill(leader, SIGKILL);
  int status;
  while (waitpid(-1, &status, __WALL) > 0) {}
  if (mode == POWER) lose();
  exit(137);
}

static int isDevice(const char *path) { return !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9); }

static int isInteresting(struct thread *t) {
  const struct call *c = t->call;
  switch (c->form) {
  case FD:
    if ((int)t->args[0] <= 2) return 0;
    descriptor(t->id, (int)t->args[c->number == SYS_copy_file_range ? 2 : 0], t->path);
    return t->path[0] == '/' && strncmp(t->path, "/proc", 5) && !isDevice(t->path) && strncmp(t->path, "/usr", 4) && strncmp(t->path, "/etc", 4) && strncmp(t->path, "/lib", 4) && strncmp(t->path, "/sys", 4);
  case PATH: case OPENAT: case PATHAT: {
    int at = c->form == PATH ? 0 : 1;
    word flags = t->args[at + 1];
    if (!strcmp(c->name, "open") && !(flags & (O_CREAT | O_WRONLY | O_RDWR))) return 0;
    whole(t->id, t->args[at], t->path);
    return !isDevice(t->path) && strncmp(t->path, "/proc", 5) != 0;
  }
  case TWO: whole(t->id, t->args[0], t->path); whole(t->id, t->args[1], t->other); return 1;
  default: whole(t->id, t->args[1], t->path); whole(t->id, t->args[3], t->other); return 1;
  }
}

static void setRegisters(struct thread *t, void (*change)(struct thread *, struct user_regs_struct *)) {
  struct user_regs_struct registers;
  ptrace(PTRACE_GETREGS, t->id, 0, &registers);
  change(t, &registers);
  ptrace(PTRACE_SETREGS, t->id, 0, &registers);
}
static void skip(struct thread *t, struct user_regs_struct *r) { (void)t; r->orig_rax = -1; }
static void fail(struct thread *t, struct user_regs_struct *r) { (void)t; r->rax = -(long)code; }
static void halve(struct thread *t, struct user_regs_struct *r) {
  word count = t->args[t->call->length], half = count > 1 ? count / 2 : count;
  switch (t->call->length) { case 2: r->rdx = half; break; case 4: r->r8 = half; }
}

static void enter(struct thread *t, struct __ptrace_syscall_info *info) {
  t->call = 0;
  t->failed = t->doomed = 0;
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) if (calls[i].number == (long)info->entry.nr) t->call = &calls[i];
  if (!t->call) return;
  for (int i = 0; i < 6; i++) t->args[i] = info->entry.args[i];
  if (!isInteresting(t)) { t->call = 0; return; }
  counter++;
  fprintf(list, "%ld\t%s\t%s\t%s\n", counter, t->call->name, t->path, t->call->form == TWO || t->call->form == TWOAT ? t->other : "");
  int isIt = counter == wanted;
  if (mode == POWER) {
    if (isIt) die();
    long n = t->call->number;
    if (n == SYS_pwrite64) remember(t, (int)t->args[0], t->args[3], t->args[2]);
    if (n == SYS_copy_file_range) {
      off_t offset = 0;
      struct iovec here = {&offset, sizeof offset}, there = {(void *)t->args[3], sizeof offset};
      if (process_vm_readv(t->id, &here, 1, &there, 1, 0) == sizeof offset) remember(t, (int)t->args[2], offset, t->args[4]);
    }
    if (!strcmp(t->call->name, "rename")) named(RENAMED, t->path, t->other);
    if (!strcmp(t->call->name, "unlink")) named(REMOVED, t->path, "");
    if (!strcmp(t->call->name, "mkdir") || (!strcmp(t->call->name, "open") && access(t->path, F_OK))) named(CREATED, t->path, "");
  }
  if (mode == ERROR && (isIt || (persists && failing && !strcmp(failing, t->call->name)))) {
    failing = t->call->name;
    t->failed = 1;
    setRegisters(t, skip);
    return;
  }
  if (!isIt) return;
  switch (mode) {
  case BEFORE: setRegisters(t, skip); die(); break;
  case AFTER: t->doomed = 1; break;
  case TORN: t->doomed = 1;  // fallthrough
  case SHORT: if (t->call->length >= 0) setRegisters(t, halve); break;
  default: break;
  }
}

static void leave(struct thread *t, struct __ptrace_syscall_info *info) {
  if (!t->call) return;
  if (t->failed) setRegisters(t, fail);
  if (t->doomed) die();
  if (mode == POWER && info->exit.rval == 0 && (t->call->number == SYS_fsync || t->call->number == SYS_fdatasync)) synchronized_(t, (int)t->args[0]);
  t->call = 0;
}

int main(int count, char **words) {
  if (count < 7) { fprintf(stderr, "usage: stop LOG MODE N SEED SAVE COMMAND...\n"); return 64; }
  const char *way = words[2];
  static const char *names[] = {"count", "before", "after", "torn", "short", 0, "power"};
  mode = COUNT;
  for (int i = 0; i < 7; i++) if (names[i] && !strcmp(way, names[i])) mode = i;
  if (!strncmp(way, "error", 5)) { mode = ERROR; persists = way[5] == '+'; code = atoi(way + 6 + persists); }
  wanted = atol(words[3]);
  srand48(atol(words[4]));
  save = words[5];
  list = fopen(words[1], "w");
  if (!list) { perror("stop"); return 70; }
  leader = fork();
  if (leader == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) { perror("stop: ptrace"); _exit(71); }
    raise(SIGSTOP);
    execv(words[6], words + 6);
    perror("stop: execv");
    _exit(72);
  }
  int status, result = 70;
  if (waitpid(leader, &status, 0) < 0 || !WIFSTOPPED(status)) return WIFEXITED(status) ? WEXITSTATUS(status) : 71;
  if (ptrace(PTRACE_SETOPTIONS, leader, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) { perror("stop: ptrace"); kill(leader, SIGKILL); return 71; }
  ptrace(PTRACE_SYSCALL, leader, 0, 0);
  pid_t id;
  while ((id = waitpid(-1, &status, __WALL)) > 0) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      thread(id)->id = 0;
      if (id == leader) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info info;
      if (ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof info, &info) > 0) {
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(thread(id), &info);
        if (info.op == PTRACE_SYSCALL_INFO_EXIT) leave(thread(id), &info);
      }
      signal = 0;
    } else if (signal == SIGTRAP && status >> 16) signal = 0;  // a new thread, or a new program
    else if (signal == SIGSTOP) signal = 0;  // how a new thread begins
    ptrace(PTRACE_SYSCALL, id, 0, signal);
  }
  fclose(list);
  return result;
}
