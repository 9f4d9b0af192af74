/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that a trace of this machine's own system calls does not show, or not as they are
 * meant: those of 32-bit programs, and those with upper bits set in the operation.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "base/unused.h"
#include "lib.h"
#include "records.h"

#define NEVER_S	 "86400" /* as good as no resync */
#define ALL_PERM (KEY_POS_ALL | KEY_USR_ALL)

/* A and RING are watched. */
static int32_t key_a, key_b, ring;
static int fd;

static void set_up(const char *options)
{
	close(trace_need());
	it_start(options);
	key_a = it_key("wqfs-test:a");
	key_b = it_key("wqfs-test:b");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, ALL_PERM), 0);
	records_name(key_a, "A");
	records_name(key_b, "B");
	records_name(ring, "RING");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(it_watch(fd, ring, 2), 0);
}

/* ---- 32-bit calls ---- */

#ifdef __x86_64__
/* Makes a call as a 32-bit program does, which the kernel does not trace. */
static long syscall_32(long nr, uint32_t a, uint32_t b, uint32_t c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"((long)a), "c"((long)b), "d"((long)c), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static long keyctl_32(unsigned int op, uint32_t a, uint32_t b)
{
	const long nr_keyctl = 288; /* of i386 */

	return syscall_32(nr_keyctl, op, a, b);
}

/* Reports from a 32-bit program. */
static void send_32(int to, const struct wqfs_key_report *r)
{
	const long nr_ioctl = 54;
	struct wqfs_key_report *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	IT_OK(low != MAP_FAILED);
	*low = *r;
	IT_EQ(syscall_32(nr_ioctl, (uint32_t)to, WQFS_IOC_REPORT, (uint32_t)(uintptr_t)low), 0);
	munmap(low, sizeof(*low));
}

static void need_32_bit(void)
{
	pid_t pid = it_fork();

	if (pid == 0)
		_exit(keyctl_32(KEYCTL_SETPERM, (uint32_t)key_b, ALL_PERM) == 0 ? 0 : 1);
	if (it_wait(pid) != 0)
		it_skip("this kernel runs no 32-bit programs");
}
#else
static long keyctl_32(unsigned int op, uint32_t a, uint32_t b)
{
	return -ENOSYS;
}

static void send_32(int to, const struct wqfs_key_report *r)
{
}

static void need_32_bit(void)
{
	it_skip("no 32-bit system calls on this machine");
}
#endif

static void resync_tells_what_the_trace_does_not_see(void)
{
	set_up("source=trace,resync_s=1");
	need_32_bit();
	IT_EQ(keyctl_32(KEYCTL_LINK, (uint32_t)key_b, (uint32_t)ring), 0);
	RECORDS_UNTIL(fd, "RING:linked:B");
	NO_RECORDS(fd);
	IT_EQ(keyctl_32(KEYCTL_UNLINK, (uint32_t)key_b, (uint32_t)ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:unlinked:B");
}

/* By a scan, as a polling mount would find it. */
static void what_32_bit_programs_do_is_found_at_once(void)
{
	set_up("source=trace,resync_s=" NEVER_S);
	need_32_bit();
	for (int i = 0; i < 5; i++) {
		IT_EQ(keyctl_32(KEYCTL_LINK, (uint32_t)key_b, (uint32_t)ring), 0);
		RECORDS_UNTIL(fd, "RING:linked:B");
		IT_EQ(keyctl_32(KEYCTL_UNLINK, (uint32_t)key_b, (uint32_t)ring), 0);
		RECORDS_UNTIL(fd, "RING:unlinked:B");
		IT_EQ(keyctl_32(KEYCTL_SETPERM, (uint32_t)key_a,
			      ALL_PERM | (i % 2 ? 0 : KEY_OTH_VIEW)),
			0);
		RECORDS_UNTIL(fd, "A:setattr");
	}
	IT_EQ(keyctl_32(KEYCTL_REVOKE, (uint32_t)key_a, 0), 0);
	RECORDS_UNTIL(fd, "A:revoked");
	NO_RECORDS(fd);
}

/* ---- 32-bit programs ---- */

struct call_32 {
	const char *does; /* the record */
	int op;
	int32_t arg[2];
	const char *text; /* the second argument, if it is one */
};

/* Runs a 32-bit program that makes call C of keyctl(). Returns what it_run() does. */
static int run_32(const struct call_32 *c)
{
	char words[3][24], text[32];
	const char *argv[] = {CALL_32, "288", words[0], words[1], words[2], NULL, NULL};

	snprintf(words[0], sizeof(words[0]), "%d", c->op);
	snprintf(words[1], sizeof(words[1]), "%d", c->arg[0]);
	snprintf(words[2], sizeof(words[2]), "%d", c->arg[1]);
	if (c->text) {
		snprintf(text, sizeof(text), "=%s", c->text);
		snprintf(words[2], sizeof(words[2]), "%zu", strlen(c->text));
		argv[4] = text;
		argv[5] = words[2];
	}
	return it_run(argv, "call_32.out");
}

static void what_a_32_bit_program_does_is_found_at_once(void)
{
	const uint32_t other = ALL_PERM | KEY_OTH_VIEW;

	set_up("source=trace,resync_s=" NEVER_S);
	if (access(CALL_32, X_OK) != 0)
		it_skip("the compiler makes no 32-bit programs");
	if (run_32(&(struct call_32){.op = KEYCTL_GET_KEYRING_ID, .arg = {ring}}) != 0)
		it_skip("this kernel runs no 32-bit programs");
	NO_RECORDS(fd);
	for (int i = 0; i < 5; i++) {
		const struct call_32 calls[] = {
			{"RING:linked:B", KEYCTL_LINK, {key_b, ring}, NULL},
			{"RING:unlinked:B", KEYCTL_UNLINK, {key_b, ring}, NULL},
			{"A:setattr", KEYCTL_SETPERM,
				{key_a, (int32_t)(i % 2 ? ALL_PERM : other)}, NULL},
			{"A:updated", KEYCTL_UPDATE, {key_a}, i % 2 ? "1" : "22"},
			{"RING:linked:B", KEYCTL_LINK, {key_b, ring}, NULL},
			/* a scan shows what it did, and not how: see wqfs(5) */
			{"RING:unlinked:B", KEYCTL_CLEAR, {ring}, NULL},
		};

		for (size_t c = 0; c < ARRAY_SIZE(calls); c++) {
			IT_EQ(run_32(&calls[c]), 0);
			records_until(__FILE__, __LINE__, fd, calls[c].does,
				calls[c].op == KEYCTL_CLEAR ? "RING:cleared" : NULL);
		}
	}
	IT_EQ(run_32(&(struct call_32){.op = KEYCTL_REVOKE, .arg = {key_a}}), 0);
	RECORDS_UNTIL(fd, "A:revoked");
	NO_RECORDS(fd);
}

/* The tracepoint of all calls shows only numbers: timerfd_settime() and accept4() look like
 * keyctl() of 32-bit programs. Such a call is an occasion to scan, too. */
static void call_of_the_same_number_is_an_occasion_to_scan(void)
{
#ifdef __x86_64__
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	const struct itimerspec off = {0};
	uint64_t scans;

	set_up("source=trace,resync_s=" NEVER_S);
	for (int i = 0; i < 5; i++) {
		scans = it_stats(fd).scans;
		IT_EQ(timerfd_settime(timer, 0, &off, NULL), 0);
		IT_UNTIL(it_stats(fd).scans > scans);
	}
	NO_RECORDS(fd);
#else
	it_skip("no 64-bit call has that number on this machine");
#endif
}

static void report_32(struct wqfs_key_report *r, uint32_t a, uint32_t b)
{
	r->end_ns = 0;
	r->arg[0] = (int32_t)a;
	r->arg[1] = (int32_t)b;
	r->begin_ns = wq_now_ns();
	send_32(fd, r);
	r->result = (int32_t)keyctl_32(r->op, a, b);
	r->end_ns = wq_now_ns();
	IT_EQ(r->result, 0);
	send_32(fd, r);
}

static void what_it_does_not_see_is_told_at_once_by_a_report(void)
{
	struct wqfs_key_report link = {.op = KEYCTL_LINK}, perm = {.op = KEYCTL_SETPERM};

	set_up("source=trace,resync_s=" NEVER_S);
	need_32_bit();
	report_32(&link, (uint32_t)key_b, (uint32_t)ring);
	IT_STR(records(fd), "RING:linked:B");
	report_32(&link, (uint32_t)key_b, (uint32_t)ring);
	report_32(&perm, (uint32_t)key_a, ALL_PERM | KEY_OTH_VIEW);
	IT_STR(records(fd), "RING:linked:B A:setattr");
	NO_RECORDS(fd);
}

static void report_32_as_nobody(void *to WQ_UNUSED)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE,
		.arg = {key_a},
		.begin_ns = wq_now_ns(),
		.end_ns = wq_now_ns()};

	send_32(it_queue("other", O_RDONLY | O_NONBLOCK), &r);
}

static void who_may_only_view_a_key_is_not_believed_of_it_by_a_32_bit_call(void)
{
	uid_t uid = it_nobody();

	set_up("source=trace,allow_other,resync_s=" NEVER_S);
	need_32_bit();
	IT_EQ(keyctl_setperm(key_a, ALL_PERM | KEY_OTH_VIEW), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	it_as(uid, report_32_as_nobody, NULL);
	NO_RECORDS(fd);
}

/* Sets A's attributes by a call that is reported, and back by one that is not. A scan finds the
 * second, unless it comes before the first is handled, within some ms. PAUSE says how often to
 * breathe between the two. */
static bool unseen_change_is_told(int pause)
{
	const char *words;

	IT_EQ(keyctl_setperm(key_a, ALL_PERM | KEY_OTH_VIEW), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	for (int i = 0; i < pause; i++)
		it_breathe();
	IT_EQ(keyctl_32(KEYCTL_SETPERM, (uint32_t)key_a, ALL_PERM), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	words = records(fd);
	if (!*words)
		return false;
	IT_STR(words, "A:setattr");
	return true;
}

static void told_change_hides_no_other(void)
{
	int pause = 0;

	set_up("source=trace,resync_s=" NEVER_S);
	need_32_bit();
	IT_UNTIL(unseen_change_is_told(pause++));
	NO_RECORDS(fd);
}

/* ---- odd operations ---- */

/* keyctl()'s first argument is an int: the kernel takes its lower 32 bits. */
static long keyctl_oddly(int op, int bit, int32_t a, const char *text)
{
	return syscall(SYS_keyctl, (long)((unsigned long long)op | 1ull << bit), a, text,
		strlen(text));
}

static void operation_is_what_the_lower_bits_say(void)
{
	static const int bits[] = {32, 33, 40, 62, 63};

	set_up("source=trace,resync_s=" NEVER_S);
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		/* without a difference, so that only a report shows it */
		IT_EQ(keyctl_oddly(KEYCTL_UPDATE, bits[i], key_a, "1"), 0);
		RECORDS_UNTIL(fd, "A:updated");
		IT_EQ(keyctl_oddly(KEYCTL_CLEAR, bits[i], ring, ""), 0);
		RECORDS_UNTIL(fd, "RING:cleared");
		/* an operation that changes nothing */
		IT_EQ(keyctl_oddly(KEYCTL_GET_KEYRING_ID, bits[i], key_a, ""), key_a);
		IT_EQ(keyctl_update(key_a, "1", 1), 0);
		RECORDS_UNTIL(fd, "A:updated");
		NO_RECORDS(fd);
	}
}

static const struct it_test tests[] = {
	{"what 32-bit programs do is found at once", what_32_bit_programs_do_is_found_at_once},
	{"what a 32-bit program does is found at once",
		what_a_32_bit_program_does_is_found_at_once},
	{"a call of the same number as a 32-bit one is an occasion to scan",
		call_of_the_same_number_is_an_occasion_to_scan},
	{"the resync tells what the trace does not see",
		resync_tells_what_the_trace_does_not_see},
	{"what the trace does not see is told once and at once by a report",
		what_it_does_not_see_is_told_at_once_by_a_report},
	{"who may only View a key is not believed of it by a 32-bit call",
		who_may_only_view_a_key_is_not_believed_of_it_by_a_32_bit_call},
	{"a change that is told hides none that the trace does not see",
		told_change_hides_no_other},
	{"an operation is what the lower 32 bits of it say, as to the kernel",
		operation_is_what_the_lower_bits_say},
};

IT_MAIN(tests)
