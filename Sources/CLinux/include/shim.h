// glibc declares these calls only under _GNU_SOURCE, which Swift's own import of glibc does not set.
#pragma once
#include <sys/types.h>
ssize_t copy_file_range(int source, off_t *source_offset, int target, off_t *target_offset, size_t length,
                        unsigned flags);
int memfd_create(const char *name, unsigned flags);
int sched_getaffinity(pid_t process, size_t size, void *set);
int renameat2(int old_folder, const char *old_path, int new_folder, const char *new_path, unsigned flags);
