/* Stalls threads of a registry. Preloaded, it overrides functions of libc and looks for files in $STALLING_THREADS.
   "sync" stalls each thread that syncs the table. "times" stalls each worker that reads its own CPU times; a worker is a
   thread other than the first with the first thread's priority. A stalled thread creates "stalled" and polls for "go". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int real_open(const char *path, int flags, mode_t mode) {
  return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int is_there(const char *directory, const char *what) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, what);
  return access(path, F_OK) == 0;
}

static void stall_if(const char *what) {
  const char *directory = getenv("STALLING_THREADS");
  const struct timespec moment = {0, 5000000};
  char path[512];
  if (directory == NULL || !is_there(directory, what)) return;
  snprintf(path, sizeof path, "%s/stalled", directory);
  close(real_open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  while (!is_there(directory, "go")) nanosleep(&moment, NULL);
}

static void stall_sync(int fd) {
  char link[64], target[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) return;
  target[length] = 0;
  if (strstr(target, "data.mdb") != NULL) stall_if("sync");
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  stall_sync(fd);
  return real(fd);
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "fsync");
  stall_sync(fd);
  return real(fd);
}

static int is_worker(void) {
  return syscall(SYS_gettid) != getpid() && getpriority(PRIO_PROCESS, 0) == getpriority(PRIO_PROCESS, getpid());
}

static int stalling_open(const char *path, int flags, mode_t mode) {
  if (strcmp(path, "/proc/thread-self/schedstat") == 0 && is_worker()) stall_if("times");
  return real_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return stalling_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return stalling_open(path, flags | O_LARGEFILE, mode);
}
