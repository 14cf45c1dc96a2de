/** Facts about system calls and functions that no table of a kernel has. */

/**
 * Calls that those who make them can do without: C libraries and language runtimes try them and take another way where
 * the kernel says ENOSYS (glibc: sysdeps/unix/sysv/linux; libuv: src/unix/linux.c; Go: src/internal/poll, src/os).
 */
export const withFallback: ReadonlySet<string> = words(`
  rseq set_robust_list get_robust_list clone3 statx faccessat2 close_range membarrier openat2 fchmodat2 mremap
  fadvise64 readahead sync_file_range copy_file_range sendfile splice tee vmsplice preadv2 pwritev2
  sendmmsg recvmmsg epoll_pwait2 io_uring_setup io_uring_enter io_uring_register futex_waitv
  pidfd_open pidfd_send_signal pidfd_getfd waitid getcpu get_mempolicy set_mempolicy mbind process_madvise
  capget prlimit64 sched_getattr sched_setattr cachestat map_shadow_stack mseal
`)

/**
 * Calls that a C library makes inside of functions that are about something else (priorities of mutexes, the end by
 * `abort`, loading libraries): they count only where a program asks for them by their name.
 */
export const incidental: ReadonlySet<string> = words(`
  sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max
  sched_get_priority_min sched_rr_get_interval tgkill tkill rt_sigreturn restart_syscall mincore
  setitimer getitimer munlock mlock2 mlockall munlockall personality getpgrp getpgid getsid
  getgroups getdents times sysinfo readlink readlinkat getppid pkey_mprotect pkey_alloc pkey_free
`)

/** What Rust's own library calls only where two threads end the program at once (library/std/src/sys/exit_guard.rs). */
export const rustDoesWithout: ReadonlySet<string> = words('pause')

/**
 * What Swift's own library calls only for a program that has crashed already, and then for its backtrace
 * (stdlib/public/runtime/CrashHandlerLinux.cpp, Backtrace.cpp): a function, and a system call.
 */
export const swiftDoesWithout: ReadonlySet<string> = words('execvpe process_vm_readv')

/** Functions by which Go's own library finds out at each start what the kernel has (src/os/pidfd_linux.go). */
export const goAsks = /^os\.check\w*Pidfd$/

/** Functions by which programs start others: of C, and by their names of Go and Rust. */
export const processFunctions: ReadonlySet<string> = words(`
  fork _Fork vfork posix_spawn posix_spawnp popen system forkpty daemon wordexp
  execve execv execvp execvpe execl execlp execle fexecve execveat
  os.StartProcess syscall.forkExec syscall.Exec syscall.StartProcess os/exec.(*Cmd).Start
`)

/** System calls that only who starts other programs makes. */
export const processCalls: ReadonlySet<string> = words('fork vfork execve execveat')

/** Calls that are for programs with further processes. */
export const withProcesses: ReadonlySet<string> = words(
  'wait4 waitid setsid setpgid setresuid setresgid getpgrp ptrace',
)

/** What waits for signals in an endless loop as its main task: libdispatch, for Swift's asynchronous main functions. */
export const dispatchMain: ReadonlySet<string> = words('dispatch_main swift_task_asyncMainDrainQueue')

/** Programs that run other people's programs: of theirs, only what those ask for counts. */
export const interpreters =
  /^(?:node|nodejs|deno|bun|python(?:\d+(?:\.\d+)*)?|java|ruby(?:\d+(?:\.\d+)*)?|perl|php\d*(?:\.\d+)?|lua(?:jit)?(?:\d+(?:\.\d+)*)?)$/

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/))
}
