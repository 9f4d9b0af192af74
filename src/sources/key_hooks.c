/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/caps.h"
#include "base/unused.h"
#include "sources/hook_calls.h"
#include "sources/hook_set.h"
#include "sources/hook_skips.h"
#include "sources/key_hooks.h"
#include "sources/libbpf_words.h"
#include "sources/reasons.h"
#include "sources/tracefs_mount.h"

static const unsigned char hooks_object[] = {
#include "key_hooks.bpf.inc"
};
static const unsigned char calls_object[] = {
#include "key_calls.bpf.inc"
};

/* ---- loading ---- */

/* The program of KIND for FUNCTION: one that casts, where the kernel can do that and there is
 * one.
 */
static struct bpf_program *program(
	const struct wq_hooks *h, const char *kind, const char *function)
{
	static const char cast[] = "cast_";
	struct bpf_program *found = NULL;
	char name[128];

	snprintf(name, sizeof(name), "%s%s_%s", cast, kind, function);
	if (h->can_cast)
		found = bpf_object__find_program_by_name(h->object, name);
	return found ? found : bpf_object__find_program_by_name(h->object, name + strlen(cast));
}

/* In the order in which they are attached: a call that is seen to begin is seen whole. */
static const char *const call_programs[] = {
	"key_made", "key_destroyed", "call_returns", "call_enters", "find_key"};

/* The first error of FN, called with each program that is used, or 0. */
static int for_programs(
	struct wq_hooks *h, int (*fn)(struct wq_hooks *h, struct bpf_program *p))
{
	static const char *const kinds[][2] = {
		[WQ_HOOK_TRAMPOLINE] = {"fentry", "fexit"},
		[WQ_HOOK_PROBE] = {"kprobe", "kretprobe"},
	};
	int r = 0;

	if (h->variant == WQ_HOOKS_CALLS) {
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(call_programs); i++)
			r = fn(h,
				bpf_object__find_program_by_name(h->object, call_programs[i]));
		return r;
	}
	for (size_t i = 0; wq_hook_places[i].function; i++) {
		const struct wq_hook_place *place = &wq_hook_places[i];
		const enum wq_hook_way way = h->ways[i];

		if (r == 0 && way && place->programs & WQ_HOOK_ENTRY)
			r = fn(h, program(h, kinds[way][0], place->function));
		if (r == 0 && way && place->programs & WQ_HOOK_RETURN)
			r = fn(h, program(h, kinds[way][1], place->function));
	}
	return r;
}

static int want(struct wq_hooks *h WQ_UNUSED, struct bpf_program *p)
{
	return p ? bpf_program__set_autoload(p, true) : -ENOENT;
}

static int attach(struct wq_hooks *h, struct bpf_program *p)
{
	struct bpf_link *link;

	if (bpf_program__type(p) == BPF_PROG_TYPE_SYSCALL) /* the daemon runs it */
		return 0;
	link = bpf_program__attach(p);
	if (!link)
		return -errno;
	h->links[h->n_links++] = link;
	return 0;
}

/* Shares SIZE bytes of a map's memory, from OFFSET on. NULL with errno set. */
static void *share(int map, size_t size, int prot, size_t offset)
{
	void *memory = mmap(NULL, size, prot, MAP_SHARED, map, (off_t)offset);

	return memory == MAP_FAILED ? NULL : memory;
}

static int open_maps(struct wq_hooks *h)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int state = bpf_object__find_map_fd_by_name(h->object, "state");

	h->events = bpf_object__find_map_fd_by_name(h->object, "events");
	h->watched = bpf_object__find_map_fd_by_name(h->object, "watched");
	h->losses = bpf_object__find_map_fd_by_name(h->object, "losses");
	h->state = share(state, sizeof(*h->state), PROT_READ | PROT_WRITE, 0);
	h->consumed = share(h->events, page, PROT_READ, 0);
	h->produced = share(h->events, page, PROT_READ, page);
	if (!h->state || !h->consumed || !h->produced)
		return -errno;
	h->ring = ring_buffer__new(h->events, wq_hooks_on_sample, h, NULL);
	if (!h->ring)
		return -errno;
	/* our loop has it: to pass each event through another epoll takes time */
	epoll_ctl(ring_buffer__epoll_fd(h->ring), EPOLL_CTL_DEL, h->events, NULL);
	return 0;
}

static void choose_name(struct wq_hooks *h)
{
	bool trampolines = false, probed = false;

	for (size_t i = 0; wq_hook_places[i].function; i++) {
		trampolines |= h->ways[i] == WQ_HOOK_TRAMPOLINE;
		probed |= h->ways[i] == WQ_HOOK_PROBE;
	}
	snprintf(h->name, sizeof(h->name), "%s%s%s", trampolines ? "fentry" : "",
		trampolines && probed ? "+" : "", probed ? "kprobe" : "");
}

/* Who may make a ring buffer may load programs, in general. libbpf would have some loaded
 * first, to find out what the kernel can do. */
bool wq_hooks_are_allowed(char *why, size_t why_size)
{
	const union bpf_attr ring = {
		.map_type = BPF_MAP_TYPE_RINGBUF,
		.max_entries = (unsigned int)sysconf(_SC_PAGESIZE),
	};
	long map = syscall(SYS_bpf, BPF_MAP_CREATE, &ring, sizeof(ring));

	if (map >= 0)
		close((int)map);
	else
		snprintf(why, why_size, "%s", wq_reason_no_bpf(errno));
	return map >= 0;
}

/* Where they are missing no program can be attached, and loading all of them takes a tenth of a
 * second. */
static bool has_probes(char *why, size_t why_size)
{
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) == 0)
		return true;
	snprintf(why, why_size,
		"the kernel has no probes in its functions (CONFIG_KPROBE_EVENTS)");
	return false;
}

/* A kernel of which nobody may read the memory refuses programs that copy it: all but those at
 * trampolines, and of those the ones that cannot cast. Its own words do not tell. */
static bool may_read(const struct wq_hooks *h, char *why, size_t why_size)
{
	const bool at_trampolines = h->variant == WQ_HOOKS_FENTRY;

	if ((at_trampolines && h->can_cast && !strchr(h->name, '+')) ||
		!wq_kernel_is_confidential())
		return true;
	snprintf(why, why_size, "the kernel is locked down for confidentiality%s",
		at_trampolines && !h->can_cast ? ", and has no bpf_rdonly_cast() (Linux 6.2)"
					       : "");
	return false;
}

static bool choose(struct wq_hooks *h, char *why, size_t why_size)
{
	struct btf *btf;
	bool ok;

	if (h->variant != WQ_HOOKS_KPROBE &&
		wq_hook_skips_expected(h->variant == WQ_HOOKS_CALLS, why, why_size))
		return false;
	if (h->variant == WQ_HOOKS_CALLS) {
		snprintf(h->name, sizeof(h->name), "syscalls");
		return may_read(h, why, why_size);
	}
	if (h->variant == WQ_HOOKS_KPROBE && !has_probes(why, why_size))
		return false;
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		snprintf(why, why_size, "the kernel does not describe its types: %s",
			strerror(errno));
		return false;
	}
	h->can_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	ok = wq_hook_places_choose(btf, h->variant == WQ_HOOKS_FENTRY, h->ways, why, why_size);
	btf__free(btf);
	if (ok)
		choose_name(h);
	return ok && may_read(h, why, why_size);
}

static int open_object(struct wq_hooks *h)
{
	const bool calls = h->variant == WQ_HOOKS_CALLS;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wqfs");

	h->object = bpf_object__open_mem(calls ? calls_object : hooks_object,
		calls ? sizeof(calls_object) : sizeof(hooks_object), &opts);
	return h->object ? 0 : -errno;
}

static bool load(struct wq_hooks *h, char *why, size_t why_size)
{
	const char *what = "opened";
	int r = open_object(h);

	if (r == 0)
		r = for_programs(h, want);
	if (r == 0) {
		what = "loaded";
		r = bpf_object__load(h->object);
	}
	if (r == 0)
		r = open_maps(h);
	if (r == 0 && h->variant == WQ_HOOKS_CALLS &&
		!wq_hook_calls_prepare(h->object, h->state, why, why_size))
		return false;
	if (r == 0) {
		what = "attached";
		r = wq_hooks_attach(h);
	}
	if (r < 0)
		snprintf(why, why_size, "the %s programs cannot be %s: %s%s%s", h->name, what,
			strerror(-r), *wq_libbpf_words() ? ": " : "", wq_libbpf_words());
	return r == 0;
}

struct wq_hooks *wq_hooks_open(enum wq_hook_variant variant, char *why, size_t why_size)
{
	struct wq_hooks *h = calloc(1, sizeof(*h));
	libbpf_print_fn_t old;

	if (!h) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return NULL;
	}
	h->variant = variant;
	old = wq_libbpf_listen();
	if (!wq_hooks_are_allowed(why, why_size) || !choose(h, why, why_size) ||
		!load(h, why, why_size)) {
		wq_hooks_close(h);
		h = NULL;
	}
	libbpf_set_print(old);
	return h;
}

static void unshare_memory(const void *memory, size_t size)
{
	if (memory)
		munmap((void *)memory, size);
}

void wq_hooks_close(struct wq_hooks *h)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	wq_hooks_detach(h);
	ring_buffer__free(h->ring);
	unshare_memory(h->state, sizeof(*h->state));
	unshare_memory(h->consumed, page);
	unshare_memory(h->produced, page);
	bpf_object__close(h->object);
	free(h);
}

const char *wq_hooks_name(const struct wq_hooks *h)
{
	return h->name;
}

int wq_hooks_fd(const struct wq_hooks *h)
{
	return h->events;
}

/* ---- attaching ---- */

/* Forgets which operations are under way. Those that had begun when the programs were detached
 * have ended unseen. */
static void forget_begun(const struct wq_hooks *h)
{
	const bool calls = h->variant == WQ_HOOKS_CALLS;
	const int map = bpf_object__find_map_fd_by_name(h->object, calls ? "calls" : "threads");
	uint32_t tid;

	if (calls)
		wq_hook_calls_forget_callers(h->object);
	while (!bpf_map_get_next_key(map, NULL, &tid) && !bpf_map_delete_elem(map, &tid))
		;
}

int wq_hooks_attach(struct wq_hooks *h)
{
	int r;

	forget_begun(h);
	r = for_programs(h, attach);
	if (r < 0)
		wq_hooks_detach(h);
	return r;
}

void wq_hooks_detach(struct wq_hooks *h)
{
	for (size_t i = 0; i < h->n_links; i++)
		bpf_link__destroy(h->links[i]);
	h->n_links = 0;
}

/* ---- which keys ---- */

bool wq_hooks_are_on(const struct wq_hooks *h)
{
	return h->state->is_on;
}

/* Until now nobody missed anything. */
static void switch_on(struct wq_hooks *h)
{
	h->state->is_on = 1;
	h->skips = wq_hook_skips(h->object, h->links, h->n_links);
}

int wq_hooks_watch(struct wq_hooks *h, int32_t serial)
{
	const struct wq_hook_watch watch = {0};
	int r = 0;

	if (!h->state->is_on)
		switch_on(h);
	if (bpf_map_update_elem(h->watched, &serial, &watch, BPF_ANY))
		r = errno == E2BIG ? -ENOSPC : -errno;
	if (r == 0 && h->variant == WQ_HOOKS_CALLS)
		r = wq_hook_calls_find(h->object, serial);
	if (r < 0)
		wq_hooks_unwatch(h, serial);
	return r;
}

void wq_hooks_unwatch(struct wq_hooks *h, int32_t serial)
{
	struct wq_hook_loss loss;
	int32_t any;

	/* they would be taken for those of who watches it next, by their time for older ones */
	if (!bpf_map_lookup_and_delete_elem(h->losses, &serial, &loss))
		h->lost += loss.events;
	if (h->variant == WQ_HOOKS_CALLS)
		wq_hook_calls_forget(h->object, serial);
	bpf_map_delete_elem(h->watched, &serial);
	if (bpf_map_get_next_key(h->watched, NULL, &any))
		h->state->is_on = 0;
}
