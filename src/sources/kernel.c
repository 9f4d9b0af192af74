/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/container.h"
#include "base/log.h"
#include "base/unused.h"
#include "sources/kernel.h"
#include "sources/reasons.h"
#include "wqfs.h"

#ifdef HAVE_BPF

#include "sources/attachment.h"
#include "sources/hook_proof.h"
#include "sources/key_hooks.h"
#include "sources/key_rights.h"
#include "sources/moderation.h"
#include "sources/tracefs_mount.h"

#define SKIPS_NS (10 * WQ_NSEC_PER_MSEC) /* between two questions for skipped programs */
#define READ_NS	 WQ_NSEC_PER_MSEC	 /* for reading in one turn */

struct kernel {
	struct wq_source source;
	struct wq_source_env env;
	struct wq_hooks *hooks;
	struct wq_key_rights *rights; /* NULL: this kernel does not tell it */
	struct wq_loop_fd fd;
	struct wq_moderation moderation; /* of fd */
	bool has_begun, has_skipped;
	bool is_alone; /* a lockdown leaves no other source that is told of changes */
	struct wq_timer skips_timer; /* to ask for skipped programs */
	uint64_t skips_ns;	     /* when it was asked for them last */
	struct wq_attachment attachment;
};

static struct kernel *kernel_of(struct wq_source *source)
{
	return wq_container_of(source, struct kernel, source);
}

static void on_ready(struct wq_loop_fd *fd, uint32_t events WQ_UNUSED)
{
	struct kernel *k = wq_container_of(fd, struct kernel, fd);

	k->env.sink.ready(k->env.sink.arg);
}

static void on_skips_timer(struct wq_timer *timer);

static struct wq_hooks *open_hooks(enum wq_hook_variant variant, char *why, size_t why_size)
{
	struct wq_hooks *hooks = wq_hooks_open(variant, why, why_size);

	if (!hooks || wq_hooks_prove(hooks, why, why_size))
		return hooks;
	wq_hooks_close(hooks);
	return NULL;
}

/* A source is worth having without it. */
static struct wq_key_rights *open_rights(void)
{
	char why[160];
	struct wq_key_rights *rights = wq_key_rights_open(why, sizeof(why));

	if (!rights)
		wq_log(WQ_LOG_DEBUG, "possession of keys does not count: %s", why);
	return rights;
}

static struct wq_source *start(const struct wq_source_type *type, enum wq_hook_variant variant,
	const struct wq_source_env *env, char *why, size_t why_size)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return NULL;
	}
	k->source.type = type;
	k->env = *env;
	k->hooks = open_hooks(variant, why, why_size);
	if (!k->hooks) {
		free(k);
		return NULL;
	}
	k->rights = open_rights();
	k->is_alone = wq_kernel_is_confidential();
	k->fd = (struct wq_loop_fd){
		.fd = wq_hooks_fd(k->hooks), .ready = on_ready, .can_wait = true};
	k->skips_timer.fire = on_skips_timer;
	wq_log(WQ_LOG_DEBUG, "the kernel's functions are hooked by %s",
		wq_hooks_name(k->hooks));
	return &k->source;
}

/* How long after the last watch its programs are detached. Those in functions cost others less,
 * and the kernel takes longer for them. */
static uint64_t rest_ns(const struct wq_source *source)
{
	return (source->type == &wq_source_kernel_syscalls ? 1 : 10) * WQ_NSEC_PER_SEC;
}

static int begin(struct wq_source *source)
{
	struct kernel *k = kernel_of(source);
	const struct wq_source_sink *sink = &k->env.sink;
	int r = wq_moderation_begin(&k->moderation, k->env.loop, &k->fd);

	k->has_begun = r == 0;
	if (r == 0)
		wq_attachment_begin(&k->attachment, k->hooks, rest_ns(source), k->env.loop,
			sink->may_watch, sink->arg);
	return r;
}

/* This kernel has skipped programs at trampolines: they are not used again. */
static bool trampolines_skip;

static struct wq_source *start_fentry(
	const struct wq_source_env *env, char *why, size_t why_size)
{
	if (trampolines_skip) {
		snprintf(why, why_size, "the kernel has skipped programs at trampolines");
		return NULL;
	}
	return start(&wq_source_kernel_fentry, WQ_HOOKS_FENTRY, env, why, why_size);
}

static struct wq_source *start_kprobe(
	const struct wq_source_env *env, char *why, size_t why_size)
{
	return start(&wq_source_kernel_kprobe, WQ_HOOKS_KPROBE, env, why, why_size);
}

static struct wq_source *start_syscalls(
	const struct wq_source_env *env, char *why, size_t why_size)
{
	return start(&wq_source_kernel_syscalls, WQ_HOOKS_CALLS, env, why, why_size);
}

static void leave(struct wq_source *source)
{
	struct kernel *k = kernel_of(source);

	if (k->has_begun) {
		wq_moderation_leave(&k->moderation);
		wq_timer_clear(k->env.loop, &k->skips_timer);
		wq_attachment_leave(&k->attachment);
	}
	k->has_begun = false;
}

static void stop(struct wq_source *source)
{
	struct kernel *k = kernel_of(source);

	if (k->attachment.hooks)
		wq_attachment_close(&k->attachment);
	else
		wq_hooks_close(k->hooks);
	wq_key_rights_close(k->rights);
	free(k);
}

static int watch(struct wq_source *source, int32_t serial)
{
	struct kernel *k = kernel_of(source);
	int r = wq_attachment_want(&k->attachment);

	if (r < 0)
		return r;
	r = wq_hooks_watch(k->hooks, serial);
	if (r < 0)
		wq_attachment_rest_later(&k->attachment);
	return r;
}

static void unwatch(struct wq_source *source, int32_t serial)
{
	struct kernel *k = kernel_of(source);

	wq_hooks_unwatch(k->hooks, serial);
	wq_attachment_rest_later(&k->attachment);
}

/* ---- reading ---- */

static void on_change(void *arg, const struct wq_change *change)
{
	wq_event_order_change(((struct kernel *)arg)->env.events, change);
}

static void on_destroyed(void *arg, const struct wq_destroyed *destroyed)
{
	wq_event_order_destroyed(((struct kernel *)arg)->env.events, destroyed);
}

static void on_lost(void *arg, const struct wq_key_lost *lost)
{
	struct kernel *k = arg;

	if (lost->serial)
		wq_event_order_key_lost(k->env.events, lost);
	else
		wq_event_order_lose(k->env.events, lost->at_ns, WQ_LOST_OVERFLOW);
}

/* Where programs were skipped anything may be missing. Trampolines would skip again, so that
 * another source takes their place, if there is one; a probe does so for a moment only. False:
 * the source is dead. */
static bool is_complete(struct kernel *k)
{
	if (k->has_skipped)
		return false;
	k->skips_ns = wq_now_ns();
	if (!wq_attachment_stands(&k->attachment) || !wq_hooks_have_skipped(k->hooks))
		return true;
	if (k->source.type == &wq_source_kernel_fentry && !k->is_alone) {
		trampolines_skip = k->has_skipped = true;
		return false;
	}
	wq_event_order_lose(k->env.events, k->skips_ns, WQ_LOST_SKIPPED);
	return true;
}

static void on_skips_timer(struct wq_timer *timer)
{
	struct kernel *k = wq_container_of(timer, struct kernel, skips_timer);

	if (!is_complete(k) || k->env.events->lost)
		k->env.sink.ready(k->env.sink.arg);
}

/* It takes a system call for each program, and says nothing of single events: so it is done
 * when what has just come has been posted, and its readers have it, and once for all that comes
 * in some milliseconds. */
static void ask_for_skips_soon(struct kernel *k, uint64_t now)
{
	const uint64_t due = k->skips_ns + SKIPS_NS;

	if (!k->skips_timer.set)
		wq_timer_set(k->env.loop, &k->skips_timer, due > now ? due : 0);
}

static int drain(struct wq_source *source)
{
	struct kernel *k = kernel_of(source);
	const struct wq_hooks_reader reader = {k, on_change, on_destroyed, on_lost};
	uint64_t now = wq_now_ns(), until = now;
	int r;

	if (k->has_skipped)
		return -ESTALE;
	if (wq_event_order_behind(k->env.events))
		return 0;
	r = wq_hooks_read(k->hooks, &reader, now + READ_NS, &until);
	if (r < 0)
		return r;
	ask_for_skips_soon(k, now);
	wq_moderation_count(&k->moderation, wq_hooks_n_read(k->hooks), wq_now_ns());
	wq_event_order_complete(k->env.events, until);
	return 0;
}

/* Only the end of this process detaches the programs. */
static bool alive(struct wq_source *source)
{
	return is_complete(kernel_of(source));
}

static int rights_of(struct wq_source *source, const struct wq_caller *caller, int32_t serial,
	uint8_t *rights)
{
	struct kernel *k = kernel_of(source);

	return k->rights ? wq_key_rights_of(k->rights, caller, serial, rights) : -ENOTSUP;
}

#define WITH_BPF(function) function

#else /* !HAVE_BPF */

static struct wq_source *no_source(
	const struct wq_source_env *env WQ_UNUSED, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s", WQ_REASON_NO_LIBBPF);
	return NULL;
}

#define start_fentry	   no_source
#define start_kprobe	   no_source
#define start_syscalls	   no_source
#define WITH_BPF(function) NULL

#endif

#define KERNEL_SOURCE(variant)                                                            \
	{                                                                                 \
		.name = WQ_SOURCE_KERNEL "-" #variant, .number = WQFS_SOURCE_KERNEL,      \
		.capabilities = WQ_SOURCE_CHANGES | WQ_SOURCE_ENDS | WQ_SOURCE_IDENTITY | \
				WQ_SOURCE_COMPAT,                                         \
		.may_start = WITH_BPF(wq_hooks_are_allowed), .start = start_##variant,    \
		.begin = WITH_BPF(begin), .watch = WITH_BPF(watch),                       \
		.unwatch = WITH_BPF(unwatch), .drain = WITH_BPF(drain),                   \
		.rights = WITH_BPF(rights_of), .alive = WITH_BPF(alive),                  \
		.leave = WITH_BPF(leave), .stop = WITH_BPF(stop),                         \
	}

const struct wq_source_type wq_source_kernel_fentry = KERNEL_SOURCE(fentry);
const struct wq_source_type wq_source_kernel_kprobe = KERNEL_SOURCE(kprobe);
const struct wq_source_type wq_source_kernel_syscalls = KERNEL_SOURCE(syscalls);
