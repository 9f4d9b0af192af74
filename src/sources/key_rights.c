/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/caps.h"
#include "sources/hook_abi.h"
#include "sources/key_rights.h"
#include "sources/libbpf_words.h"
#include "sources/operation.h"

static const unsigned char program[] = {
#include "key_rights.bpf.inc"
};

#define TRIES 16 /* the tree of all keys may change while it is searched */
#define NAME  "wqfs: a proof of possession"

struct wq_key_rights {
	struct bpf_object *object;
	struct wq_hook_question *question; /* shared with the kernel */
	const struct bpf_program *program;
};

/* ---- asking ---- */

/* Which thread a program is run for. <linux/bpf.h> names it since Linux 6.1. */
union for_thread {
	union bpf_iter_link_info info;
	struct {
		uint32_t tid, pid, pid_fd;
	} task;
};

/* Runs the program for the thread TID. 0 or -errno. */
static int run_for(const struct wq_key_rights *p, pid_t tid)
{
	union for_thread thread;
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &thread.info,
		.link_info_len = sizeof(thread));
	struct bpf_link *link;
	char nothing;
	int fd, r;

	memset(&thread, 0, sizeof(thread));
	thread.task.tid = (uint32_t)tid;
	link = bpf_program__attach_iter(p->program, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	r = fd < 0 ? -errno : 0;
	if (r == 0 && read(fd, &nothing, 1) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return r;
}

/* One answer, which may miss the key while the tree of all keys changes. */
static int ask(struct wq_key_rights *p, const struct wq_caller *caller, int32_t serial)
{
	struct wq_hook_question *q = p->question;
	int r;

	*q = (struct wq_hook_question){.serial = serial};
	r = run_for(p, caller->pid);
	if (r < 0)
		return r;
	/* the thread's number may be another's by now */
	if (q->tasks != 1 || q->fsuid != caller->uid || q->fsgid != caller->gid)
		return -ESRCH;
	return q->is_long && !q->rights ? -E2BIG : 0;
}

int wq_key_rights_of(struct wq_key_rights *p, const struct wq_caller *caller, int32_t serial,
	uint8_t *rights)
{
	const uint64_t effective = wq_caps_raise();
	int r = -ESRCH;

	*rights = 0;
	for (int i = 0; caller->pid > 0 && i < TRIES; i++) {
		r = ask(p, caller, serial);
		if (r < 0 || p->question->is_found)
			break;
		r = -ENOKEY;
	}
	wq_caps_restore(effective);
	if (r == 0)
		*rights = (uint8_t)p->question->rights;
	return r;
}

/* ---- a proof ---- */

/* Does the program say that this thread has RIGHTS to SERIAL? */
static bool is_told(struct wq_key_rights *p, int32_t serial, uint8_t rights)
{
	const struct wq_caller self = {
		.pid = gettid(),
		/* these return what was, whatever they are given */
		.uid = (uid_t)setfsuid((uid_t)-1),
		.gid = (gid_t)setfsgid((gid_t)-1),
	};
	uint8_t told;

	return wq_key_rights_of(p, &self, serial, &told) == 0 && told == rights;
}

/* A key in a keyring in a keyring of this thread's own is possessed, until nothing leads to it.
 */
static bool prove(struct wq_key_rights *p, char *why, size_t why_size)
{
	const uint8_t all = KEY_POS_ALL >> 24, some = WQ_RIGHT_VIEW | WQ_RIGHT_SEARCH;
	key_serial_t outer = add_key("keyring", NAME, NULL, 0, KEY_SPEC_THREAD_KEYRING);
	key_serial_t inner = add_key("keyring", NAME, NULL, 0, outer);
	key_serial_t key = add_key("user", NAME, "1", 1, inner);
	bool ok = false;

	if (outer < 0 || inner < 0 || key < 0 || keyctl_setperm(key, (uint32_t)some << 24) < 0)
		snprintf(why, why_size, "no key of our own can be made: %s", strerror(errno));
	else if (!is_told(p, key, some) || !is_told(p, inner, all) || !is_told(p, outer, all))
		snprintf(why, why_size, "the program does not tell possession as it should");
	else if (keyctl_revoke(inner) < 0 || !is_told(p, key, 0))
		snprintf(why, why_size,
			"the program tells possession through a revoked keyring");
	else
		ok = true;
	keyctl_unlink(outer, KEY_SPEC_THREAD_KEYRING);
	return ok;
}

/* ---- loading ---- */

static int load(struct wq_key_rights *p)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wqfs");
	void *memory;
	int r;

	p->object = bpf_object__open_mem(program, sizeof(program), &opts);
	r = p->object ? bpf_object__load(p->object) : -errno;
	if (r < 0)
		return r;
	p->program = bpf_object__find_program_by_name(p->object, "key_rights");
	memory = mmap(NULL, sizeof(*p->question), PROT_READ | PROT_WRITE, MAP_SHARED,
		bpf_object__find_map_fd_by_name(p->object, "question"), 0);
	if (memory == MAP_FAILED)
		return -errno;
	p->question = memory;
	return p->program ? 0 : -ENOENT;
}

struct wq_key_rights *wq_key_rights_open(char *why, size_t why_size)
{
	const libbpf_print_fn_t old = wq_libbpf_listen();
	struct wq_key_rights *p = calloc(1, sizeof(*p));
	int r = p ? load(p) : -ENOMEM;

	if (r < 0)
		snprintf(why, why_size, "the program cannot be loaded: %s%s%s", strerror(-r),
			*wq_libbpf_words() ? ": " : "", wq_libbpf_words());
	if (r < 0 || !prove(p, why, why_size)) {
		wq_key_rights_close(p);
		p = NULL;
	}
	libbpf_set_print(old);
	return p;
}

void wq_key_rights_close(struct wq_key_rights *p)
{
	if (!p)
		return;
	if (p->question)
		munmap(p->question, sizeof(*p->question));
	bpf_object__close(p->object);
	free(p);
}
