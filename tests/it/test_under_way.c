/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that were under way when a watch began, or ended while nothing was watched: one waits
 * for its payload, which is in a page that this test provides when it likes. SOURCE: the source
 * to be tested.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define PAGE	4096
#define SESSION KEY_SPEC_SESSION_KEYRING

static char *page;
static int uffd;

/* A page that is not there until provide_page(). */
static void make_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	IT_OK(page != MAP_FAILED);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		it_skip("no userfaultfd: %m");
	range.range.start = (uintptr_t)page;
	range.range.len = PAGE;
	IT_EQ(ioctl(uffd, UFFDIO_REGISTER, &range), 0);
}

static void provide_page(void)
{
	static char payload[PAGE] __attribute__((aligned(PAGE))) = "payload";
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page, .src = (uintptr_t)payload, .len = PAGE};

	IT_EQ(ioctl(uffd, UFFDIO_COPY, &copy), 0);
}

/* ---- a thread that is in such a call ---- */

struct caller {
	pthread_t thread;
	_Atomic pid_t tid;
	int32_t key; /* that it updates; 0: it adds one to the session keyring */
	long result;
	_Atomic bool has_returned, goes_on;
};

static void *call(void *arg)
{
	struct caller *c = arg;
	char text[256];

	c->tid = (pid_t)syscall(SYS_gettid);
	c->result = c->key ? keyctl_update(c->key, page, 4)
			   : add_key("user", "wqfs-test:late", page, 4, SESSION);
	c->has_returned = true;
	while (!c->goes_on)
		it_breathe();
	/* a call on keys that changes none */
	IT_OK(keyctl_describe(SESSION, text, sizeof(text)) > 0);
	return NULL;
}

static void begin_call(struct caller *c, int32_t key)
{
	*c = (struct caller){.key = key};
	make_page();
	IT_EQ(pthread_create(&c->thread, NULL, call, c), 0);
	IT_UNTIL(c->tid && it_in_syscall(c->tid, key ? SYS_keyctl : SYS_add_key) &&
		 it_state(c->tid) != 'R');
}

static void return_from_call(struct caller *c)
{
	provide_page();
	IT_UNTIL(c->has_returned);
	IT_OK(c->key ? c->result == 0 : c->result > 0);
}

static void end_caller(struct caller *c)
{
	c->goes_on = true;
	IT_EQ(pthread_join(c->thread, NULL), 0);
	close(uffd);
	munmap(page, PAGE);
}

/* ---- tests ---- */

/* Waits until the source has detached what it needs for watches alone. */
static void await_rest(pid_t daemon)
{
	unsigned int ids[BPF_IDS];

	IT_UNTIL(kernel_source_ids(daemon, "link_id", ids) == 0);
}

static void update_that_had_begun_is_posted(bool other_is_watched)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION),
		other = open_key("wqfs-test:other", "1", SESSION);
	struct caller c;
	int fd;

	records_name(key, "K");
	if (other_is_watched)
		watching("other", other);
	else
		await_rest(daemon);
	begin_call(&c, key);
	fd = watching("q", key);
	return_from_call(&c);
	/* who sees calls, and had no reason to look when it began, knows only its end, which
	 * anybody can make up: see test_skipped_calls */
	RECORDS_UNTIL(fd, !other_is_watched && kernel_source_is("kernel-syscalls")
				  ? "LOSS"
				  : "K:updated");
	end_caller(&c);
	NO_RECORDS(fd);
	it_stop(daemon);
}

static void update_before_the_first_watch_is_posted(void)
{
	update_that_had_begun_is_posted(false);
}

static void update_before_the_first_watch_of_a_key_is_posted(void)
{
	update_that_had_begun_is_posted(true);
}

/* Whether that made a key or updated one is not known by system calls alone. */
static void addition_before_the_first_watch_is_known(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t session = keyctl_get_keyring_ID(SESSION, 0);
	struct caller c;
	int fd;

	records_name(session, "SESSION");
	await_rest(daemon);
	begin_call(&c, 0);
	fd = watching("q", session);
	return_from_call(&c);
	records_name((int32_t)c.result, "K");
	RECORDS_UNTIL(fd, kernel_source_is("kernel-syscalls") ? "LOSS" : "SESSION:linked:K");
	end_caller(&c);
	NO_RECORDS(fd);
	it_stop(daemon);
}

/* What ends unseen is an update of the watched key, or an addition. */
static void what_ended_unseen_is_forgotten(bool updates)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	struct caller c;
	int fd = watching("q", key);

	records_name(key, "K");
	begin_call(&c, updates ? key : 0);
	IT_EQ(it_watch(fd, key, -1), 0);
	(void)records(fd); /* REMOVAL */
	await_rest(daemon);
	return_from_call(&c);
	IT_EQ(it_watch(fd, key, 1), 0);
	end_caller(&c);
	NO_RECORDS(fd);
	IT_EQ(keyctl_update(key, "2", 1), 0);
	RECORDS_UNTIL(fd, "K:updated");
	it_stop(daemon);
}

static void update_that_ended_unseen_is_forgotten(void)
{
	what_ended_unseen_is_forgotten(true);
}

static void addition_that_ended_unseen_is_forgotten(void)
{
	what_ended_unseen_is_forgotten(false);
}

/* A process whose id is that of thread TID but for its higher bits. The programs of a source
 * may note threads by the lower ones. */
static pid_t fork_like(pid_t tid)
{
	pid_t id = tid % 4096, pid = -1;

	while (pid < 0) {
		id += 4096;
		pid = (pid_t)syscall(SYS_clone3,
			&(struct clone_args){.exit_signal = SIGCHLD,
				.set_tid = (uintptr_t)&id,
				.set_tid_size = 1},
			sizeof(struct clone_args));
		if (pid < 0 && errno != EEXIST)
			break;
	}
	if (pid < 0)
		it_skip("no process with the id %d: %m", (int)id);
	return pid;
}

/* One addition waits for its payload while others, which could be taken for it, make and update
 * keys. */
static void additions_are_told_apart(void)
{
	pid_t daemon = kernel_source_start(""), other;
	int32_t session = keyctl_get_keyring_ID(SESSION, 0),
		key = open_key("wqfs-test:k", "1", SESSION), made;
	struct caller c;
	int fd = watching("q", session);

	IT_EQ(it_watch(fd, key, 2), 0);
	records_name(session, "SESSION");
	records_name(key, "K");
	begin_call(&c, 0);
	other = fork_like(c.tid);
	if (other == 0)
		_exit(add_key("user", "wqfs-test:k", "2", 1, SESSION) != key ||
			add_key("user", "wqfs-test:made", "1", 1, SESSION) < 0);
	it_join(other);
	made = (int32_t)keyctl_search(SESSION, "user", "wqfs-test:made", 0);
	records_name(made, "MADE");
	RECORDS_UNTIL(fd, "K:updated SESSION:linked:MADE");
	return_from_call(&c);
	records_name((int32_t)c.result, "LATE");
	RECORDS_UNTIL(fd, "SESSION:linked:LATE");
	end_caller(&c);
	NO_RECORDS(fd);
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"an update that had begun when the first watch came is told",
		update_before_the_first_watch_is_posted},
	{"it is posted where another key was watched before",
		update_before_the_first_watch_of_a_key_is_posted},
	{"of an addition that had begun its keyring is told, too",
		addition_before_the_first_watch_is_known},
	{"a call that ended while nothing was watched is no later one",
		update_that_ended_unseen_is_forgotten},
	{"nor is an addition that did", addition_that_ended_unseen_is_forgotten},
	{"additions by threads with like numbers are told apart", additions_are_told_apart},
};

int main(int argc, char **argv)
{
	return it_main(argc, argv, tests, ARRAY_SIZE(tests));
}
