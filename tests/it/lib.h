/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests on a mounted wqfs.
 *
 * Each test is a process of its own, in a directory of its own that is removed after it, in
 * a session keyring of its own. Whatever way it ends, the runner then unmounts what is still
 * mounted there and ends every process that is left. Results are printed as TAP.
 *
 * A check that does not hold ends the calling process: the test, or a child of it, whose
 * it_join() then fails the test. Nothing here sleeps for a fixed time: conditions are asked
 * for until they hold, or IT_DEADLINE_S have passed.
 */
#ifndef IT_LIB_H
#define IT_LIB_H

#include <errno.h>
#include <keyutils.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "../slowness.h"
#include "base/array_size.h"
#include "base/clock.h"
#include "wqfs.h"

#define IT_DEADLINE_S (30ull * (unsigned int)test_slowness()) /* for one condition */

/* Where each test mounts, relative to its working directory. */
#define IT_MNT "mnt"

struct it_test {
	const char *says; /* the sentence that it proves */
	void (*run)(void);
};

/* Runs those of the N tests at TESTS whose sentence holds argv[1], if that is given; else
 * all. What main() is to return: 0; 1: one failed; 77: none could run. */
int it_main(int argc, char **argv, const struct it_test *tests, size_t n);

/* For main(), before it_main(): while this program runs, dead keys are collected at once
 * (gc_delay 0). It is the whole machine's: waits until no other test has it so. Put back
 * when the program exits. */
void it_collect_at_once(void);

/* Skips where it_collect_at_once() could not. */
void it_need_collection(void);

#define IT_MAIN(tests)                                                \
	int main(int argc, char **argv)                               \
	{                                                             \
		return it_main(argc, argv, tests, ARRAY_SIZE(tests)); \
	}

/* ---- checks ---- */

_Noreturn void it_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* This test cannot be run here, for the reason given. */
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
/* IS is WANT, both whole numbers. */
#define IT_EQ(is, want) it_check_eq(__FILE__, __LINE__, #is, (long long)(is), (long long)(want))
/* CALL gives -1 and the error WANT. */
#define IT_ERRNO(call, want)                                                                  \
	do {                                                                                  \
		errno = 0;                                                                    \
		it_check_errno(__FILE__, __LINE__, #call, (long long)(intptr_t)(call), want); \
	} while (0)
#define IT_STR(is, want) it_check_str(__FILE__, __LINE__, #is, is, want)

/* Asks for COND again and again until it holds. */
#define IT_UNTIL(cond)                                                                    \
	do {                                                                              \
		uint64_t it_end = wq_now_ns() + IT_DEADLINE_S * 1000000000ull;            \
		while (!(cond)) {                                                         \
			if (wq_now_ns() > it_end)                                         \
				it_fail(__FILE__, __LINE__, "%s never came true", #cond); \
			it_breathe();                                                     \
		}                                                                         \
	} while (0)

/* Lets others run between two looks at a condition. */
void it_breathe(void);

/* ---- programs ---- */

/* fork(); the child is killed should its parent end before it. */
pid_t it_fork(void);

/* Starts a program, found as execvp() does, with its output and errors in the file OUT. */
pid_t it_spawn(const char *const argv[], const char *out);

/* Waits until PID, a child, ends: its exit status, or -signal. */
int it_wait(pid_t pid);

/* Waits for it_fork()'s child, all of whose checks must have held. */
void it_join(pid_t pid);

/* it_spawn() and it_wait(). */
int it_run(const char *const argv[], const char *out);

/* The beginning of a file, in a static buffer; empty if there is none. */
const char *it_text(const char *path);

/* The file PATH, which is outside the test's directory, is removed after the test. */
void it_remove_later(const char *path);

/* The letter of PID's state in /proc/PID/stat; 0 if there is no such process. */
char it_state(pid_t pid);

/* Does thread TID wait in system call NR? */
bool it_in_syscall(pid_t tid, long nr);

/* A signal SIG interrupts what this process waits in (no SA_RESTART). */
void it_interruptible(int sig);

/* ---- users and devices ---- */

/* Skips unless root. */
void it_need_root(void);

/* The user nobody; skips if there is none, or we are not root. */
uid_t it_nobody(void);

/* This process becomes the user UID in no group but its own, with a session keyring of its
 * own; the test's directory becomes its, so that it can mount there. */
void it_become(uid_t uid);

/* Runs FN as UID, who owns nothing here, in a child; waits until all its checks have held. */
void it_as(uid_t uid, void (*fn)(void *arg), void *arg);

/* This process and what it starts have a mount namespace of their own from now on. Skips if
 * that cannot be. */
void it_own_mounts(void);

/* This process and what it starts see a /dev/fuse of MODE, in a mount namespace of their
 * own. Skips if that cannot be. */
void it_device_mode(mode_t mode);

/* ---- the daemon ---- */

#define IT_OUT "daemon.out" /* what it prints */

/* `wqfs -f [-o OPTIONS] mnt`, NULL-terminated, for it_spawn(): static. */
const char **it_daemon_argv(const char *options);

/* Starts that and waits until the mount answers. Its pid, a child's. Skips where nothing can
 * be mounted. If it still runs when the test is over, it is ended by it_stop(). */
pid_t it_start(const char *options);

/* Skips, for the reason WHY, where the daemon is run by WQFS_WRAPPER. */
void it_need_bare_daemon(const char *why);

/* Is something mounted on mnt, and does it answer? */
bool it_mounted(void);

/* Is mnt an empty directory as it was before, not a dead mount either? */
bool it_unmounted(void);

/* SIGTERM; it must end with 0, have printed nothing and leave nothing mounted. */
void it_stop(pid_t daemon);

/* The daemon ends by what was done to it, with exit status 0 and without a word. */
void it_ends(pid_t daemon);

/* Unmounts mnt as its user would, by fusermount3 -u with OPTION ("-z") or NULL. */
void it_unmount(const char *option);

unsigned int it_threads(pid_t pid);

/* ---- queues and keys ---- */

/* Makes (or opens) the queue NAME. O_CREAT and O_CLOEXEC are added to FLAGS. */
int it_queue(const char *name, int flags);

/* A user key with payload "1" in the session keyring, which the daemon may view and read. */
int32_t it_key(const char *description);

/* WQFS_IOC_WATCH_KEY; 0, or -1 with errno. ID -1 removes. */
int it_watch(int fd, int32_t key, int32_t id);

/* Puts N records of 16 bytes into the queue: as many watches are set and removed. */
void it_fill(int fd, int32_t key, unsigned int n);

/* One change of KEY (SETATTR), which its watchers have been told of on return. */
void it_change(int fd, int32_t key);

struct wqfs_stats it_stats(int fd);

struct it_record {
	uint32_t type, subtype, len, id, key, aux;
};

/* Takes the record at *P (of *LEFT bytes); it must be whole. False: none is left. */
bool it_next(const unsigned char **p, size_t *left, struct it_record *r);

/* How many whole records are in LEN bytes. */
size_t it_count(const void *buf, size_t len);

#endif
