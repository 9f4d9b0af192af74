/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library for tests on a mounted wqfs.
 *
 * Each test is a process of its own, with a session keyring of its own, in a directory of its
 * own that is removed after it. However the test ends, the runner then unmounts what is still
 * mounted there and ends every process that is left. Results are printed as TAP.
 *
 * A check that fails ends the calling process: the test, or a child of it, whose it_join() then
 * fails the test. Nothing here sleeps for a fixed time: a condition is checked until it holds,
 * or until IT_DEADLINE_S have passed.
 */
#ifndef IT_LIB_H
#define IT_LIB_H

#include <errno.h>
#include <keyutils.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "../slowness.h"
#include "base/array_size.h"
#include "base/clock.h"
#include "wqfs.h"

#define IT_DEADLINE_S (30ull * (unsigned int)test_patience()) /* for one condition */

/* Each test mounts here, relative to its working directory. */
#define IT_MNT "mnt"

/* Is this a build with sanitizers? They make programs several times slower, and not evenly. */
#ifdef __SANITIZE_ADDRESS__
#define IT_SANITIZED 1
#elif defined(__has_feature)
#define IT_SANITIZED __has_feature(address_sanitizer)
#else
#define IT_SANITIZED 0
#endif

struct it_test {
	const char *says; /* the sentence that it proves */
	void (*run)(void);
};

/* Runs those of the N tests at TESTS whose sentence contains argv[1], if that is given; else
 * all. Returns what main() is to return: 0; 1: a test failed; 77: none could run. */
int it_main(int argc, char **argv, const struct it_test *tests, size_t n);

/* For main(), before it_main(): while this program runs, the kernel collects dead keys at once
 * (gc_delay 0). That is a setting of the whole machine, so this waits until no other test uses
 * it. The old value is restored when the program exits. */
void it_collect_at_once(void);

/* Skips the test if it_collect_at_once() failed. */
void it_need_collection(void);

#define IT_MAIN(tests)                                                \
	int main(int argc, char **argv)                               \
	{                                                             \
		return it_main(argc, argv, tests, ARRAY_SIZE(tests)); \
	}

/* ---- checks ---- */

_Noreturn void it_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Skips the test: it cannot run here, for the given reason. */
_Noreturn void it_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

void it_check_eq(const char *file, int line, const char *text, long long is, long long want);
void it_check_errno(const char *file, int line, const char *text, long long r, int want);
void it_check_str(
	const char *file, int line, const char *text, const char *is, const char *want);

#define IT_FAIL(...) it_fail(__FILE__, __LINE__, __VA_ARGS__)
#define IT_OK(cond)                                                                     \
	do {                                                                            \
		if (!(cond))                                                            \
			it_fail(__FILE__, __LINE__, "%s does not hold (errno says %m)", \
				#cond);                                                 \
	} while (0)
/* Checks that IS equals WANT, both whole numbers. */
#define IT_EQ(is, want) it_check_eq(__FILE__, __LINE__, #is, (long long)(is), (long long)(want))
/* Checks that CALL returns -1 with the error WANT. */
#define IT_ERRNO(call, want)                                                                  \
	do {                                                                                  \
		errno = 0;                                                                    \
		it_check_errno(__FILE__, __LINE__, #call, (long long)(intptr_t)(call), want); \
	} while (0)
#define IT_STR(is, want) it_check_str(__FILE__, __LINE__, #is, is, want)

/* Checks COND again and again until it holds. */
#define IT_UNTIL(cond)                                                                    \
	do {                                                                              \
		uint64_t it_end = wq_now_ns() + IT_DEADLINE_S * 1000000000ull;            \
		while (!(cond)) {                                                         \
			if (wq_now_ns() > it_end)                                         \
				it_fail(__FILE__, __LINE__, "%s never came true", #cond); \
			it_breathe();                                                     \
		}                                                                         \
	} while (0)

/* Lets other processes run before a condition is checked again. */
void it_breathe(void);

/* ---- programs ---- */

/* Forks; the child is killed if its parent ends before it. */
pid_t it_fork(void);

/* Starts a program, which is found as execvp() finds it, with its output and errors in the file
 * OUT. */
pid_t it_spawn(const char *const argv[], const char *out);

/* Waits for the end of PID, a child. Returns its exit status, or -signal. */
int it_wait(pid_t pid);

/* Waits for a child of it_fork(), all of whose checks must have held. */
void it_join(pid_t pid);

/* Does it_spawn() and it_wait(). */
int it_run(const char *const argv[], const char *out);

/* The beginning of a file, in a static buffer; empty if there is no file. */
const char *it_text(const char *path);

/* The runner removes the file PATH, which is outside of the test's directory, after
 * the test. */
void it_remove_later(const char *path);

/* The letter of PID's state in /proc/PID/stat; 0 if there is no such process. */
char it_state(pid_t pid);

/* Does thread TID wait in system call NR? On a busy machine also one that waits for nothing may
 * be found there, such as a read() of the program loader's. */
bool it_in_syscall(pid_t tid, long nr);

/* Does thread TID wait in a read() of the descriptor FD, which it has had from the start? */
bool it_reads(pid_t tid, int fd);

/* Calls that newer architectures have under one of their names only. */
#ifndef SYS_poll
#define SYS_poll SYS_ppoll
#endif
#if !defined(SYS_select) && defined(SYS__newselect)
#define SYS_select SYS__newselect
#elif !defined(SYS_select)
#define SYS_select SYS_pselect6
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait SYS_epoll_pwait
#endif

/* The signal SIG interrupts the system calls of this process (no SA_RESTART). */
void it_interruptible(int sig);

/* ---- users and devices ---- */

/* Skips the test unless root runs it. */
void it_need_root(void);

/* Skips if UID, whom we may become, cannot execute PROGRAM: the build can be below a directory
 * that only its owner enters, as root's home. */
void it_need_way(uid_t uid, const char *program);

/* The user nobody. Skips the test if there is none, or if we are not root. */
uid_t it_nobody(void);

/* Makes this process the user UID, in no group but its own, with a session keyring of its own.
 * The user gets the test's directory, so that it can mount there. */
void it_become(uid_t uid);

/* Runs FN as UID, who owns nothing here, in a child; waits until all its checks have held. */
void it_as(uid_t uid, void (*fn)(void *arg), void *arg);

/* Gives this process and its children a mount namespace of their own. Skips the test if that
 * fails. */
void it_own_mounts(void);

/* Gives this process and its children a /dev/fuse of MODE, in a mount namespace of their own.
 * Skips the test if that fails. */
void it_device_mode(mode_t mode);

/* ---- the daemon ---- */

#define IT_OUT "daemon.out" /* what the daemon prints */

/* The words `wqfs -f [-o OPTIONS] mnt`, NULL-terminated, for it_spawn(). Static. */
const char **it_daemon_argv(const char *options);

/* Starts the daemon and waits until the mount answers and its source has started. Returns its
 * pid; it is a child. Skips the test where nothing can be mounted. If the daemon still runs at
 * the end of the test, it_stop() ends it. */
pid_t it_start(const char *options);

/* The daemon that it_start() has started last. */
pid_t it_daemon(void);

/* Skips the test, for the reason WHY, if WQFS_WRAPPER runs the daemon. */
void it_need_bare_daemon(const char *why);

/* Is something mounted on mnt, and does it answer? */
bool it_mounted(void);

/* Is its source being started? */
bool it_starting(void);

/* Is mnt an empty directory again, and no dead mount? */
bool it_unmounted(void);

/* Sends SIGTERM. The daemon must end with 0, have printed nothing and leave nothing mounted. */
void it_stop(pid_t daemon);

/* The daemon has said that it mounted where the mount of a dead one was, after which it_ends()
 * wants to hear no more. */
void it_has_replaced_a_dead_one(void);

/* The daemon must end because of what was done to it, with exit status 0 and without output. */
void it_ends(pid_t daemon);

/* Unmounts mnt as a user would, by fusermount3 -u with OPTION ("-z") or NULL. */
void it_unmount(const char *option);

unsigned int it_threads(pid_t pid);

/* ---- queues and keys ---- */

/* Makes or opens the queue NAME. Adds O_CREAT and O_CLOEXEC to FLAGS. */
int it_queue(const char *name, int flags);

/* Makes a user key with payload "1" in the session keyring, which the daemon may view
 * and read. */
int32_t it_key(const char *description);

/* Has the kernel destroyed KEY, which is no member of the session keyring? A key that is dead
 * exists until then. */
bool it_destroyed(int32_t key);

/* Does WQFS_IOC_WATCH_KEY. 0, or -1 with errno. ID -1 removes the watch. */
int it_watch(int fd, int32_t key, int32_t id);

/* Puts N records of 16 bytes into the queue, by setting and removing as many watches. */
void it_fill(int fd, int32_t key, unsigned int n);

/* Changes KEY once (SETATTR); its record is in the queues when this returns. */
void it_change(int fd, int32_t key);

struct wqfs_stats it_stats(int fd);

struct it_record {
	uint32_t type, subtype, len, id, key, aux;
};

/* Takes the record at *P (of *LEFT bytes), which must be whole. False: none is left. */
bool it_next(const unsigned char **p, size_t *left, struct it_record *r);

/* The number of whole records in LEN bytes. */
size_t it_count(const void *buf, size_t len);

#endif
