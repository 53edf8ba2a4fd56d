/* The system calls that jailed processes may make, by what they need them for. */
#include "proc/jail.h"

#include <stddef.h>

/* Memory, clocks, the loop, and messages over descriptors that are open already. */
static const char *const base[] = {"accept4", "arch_prctl", "bind", "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close",
	"close_range", "connect", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd2", "exit", "exit_group", "fallocate", "fcntl", "fstat", "ftruncate", "futex", "get_robust_list", "getcpu", "getegid",
	"geteuid", "getgid", "getpeername", "getpid", "getppid", "getpriority", "getrandom", "getrusage", "getsockname", "getsockopt",
	"gettid", "gettimeofday", "getuid", "listen", "lseek", "madvise", "membarrier", "memfd_create", "mlock", "mmap", "mprotect",
	"mremap", "munlock", "munmap", "newfstatat", "nanosleep", "pause", "pipe2", "poll", "ppoll", "prctl", "pread64", "preadv",
	"preadv2", "prlimit64", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readv", "recvfrom", "recvmmsg", "recvmsg",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
	"sched_setaffinity", "sched_yield", "select", "sendfile", "sendmmsg", "sendmsg", "sendto", "set_robust_list", "set_tid_address",
	"setsockopt", "shutdown", "sigaltstack", "signalfd4", "socketpair", "splice", "statx", "sysinfo", "tgkill", "time",
	"timerfd_create", "timerfd_gettime", "timerfd_settime", "times", "uname", "write", "writev", NULL};

static const char *const reading[] = {"access", "chdir", "faccessat", "faccessat2", "fadvise64", "fstatfs", "getcwd", "getdents64",
	"inotify_add_watch", "inotify_init1", "inotify_rm_watch", "lstat", "open", "openat", "openat2", "readahead", "readlink",
	"readlinkat", "stat", "statfs", "umask", NULL};

static const char *const writing[] = {"chmod", "chown", "creat", "fchmod", "fchmodat", "fchown", "fdatasync", "flock", "fsync", "link",
	"linkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "rmdir", "symlink", "symlinkat", "sync_file_range", "truncate",
	"unlink", "unlinkat", "utimensat", NULL};

static const char *const executing[] = {"clone", "execve", "execveat", "fork", "getpgid", "getpgrp", "kill", "pidfd_open",
	"pidfd_send_signal", "setpgid", "setsid", "vfork", "wait4", "waitid", NULL};

/* Families other than local ones; see jail.c. */
static const char *const network[] = {"socket", NULL};

/* What neither libvirt nor a hypervisor ever needs, and what would be worth having for who took one over. */
static const char *const denied[] = {"acct", "add_key", "adjtimex", "bpf", "clock_adjtime", "clock_settime", "create_module",
	"delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "nfsservctl",
	"perf_event_open", "personality", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "sethostname",
	"setdomainname", "settimeofday", "stime", "swapoff", "swapon", "syslog", "uselib", "userfaultfd", "vhangup", NULL};

/*
 * Of all these, what reaches others: landlock knows nothing of modes, owners and times, of truncation by path since version 3 only, of
 * signals since version 6, and a pair of local sockets can be connected anew. Processes of the same user have nothing else between them.
 */
static const char *const reaching[] = {"accept4", "bind", "chmod", "chown", "clone", "connect", "fchmod", "fchmodat", "fchown", "kill",
	"link", "linkat", "listen", "pidfd_open", "pidfd_send_signal", "prlimit64", "sched_setaffinity", "setpgid", "setsid", "socketpair",
	"tgkill", "truncate", "utimensat", NULL};

static const char *const *const lists[CALLS_COUNT] = {
	[CALLS_BASE] = base,
	[CALLS_READ] = reading,
	[CALLS_WRITE] = writing,
	[CALLS_EXECUTE] = executing,
	[CALLS_NETWORK] = network,
	[CALLS_DENIED] = denied,
	[CALLS_REACHING] = reaching,
};

const char *const *jail_call_names(enum jail_calls which) { return lists[which]; }
