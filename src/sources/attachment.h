/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the programs of a set of hooks are attached. They cost those who change keys
 * something, and the first watch must not wait for long: so they are attached when somebody
 * wants to watch a key, and detached when nobody has for a while. Both can take the kernel many
 * milliseconds, in which others are to be served, so that a thread does it; who wants to watch
 * asks again.
 */
#ifndef WQ_ATTACHMENT_H
#define WQ_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct wq_hooks;
struct wq_attaching;

enum wq_attachment_state { WQ_DETACHED, WQ_ATTACHING, WQ_ATTACHED, WQ_DETACHING };

/* By value in its owner. */
struct wq_attachment {
	struct wq_hooks *hooks;
	struct wq_loop *loop;	      /* NULL: it is not in use */
	void (*ask_again)(void *arg); /* see wq_attachment_want() */
	void *arg;
	uint64_t rest_ns; /* after the last watch, until the programs are detached */
	enum wq_attachment_state state;
	struct wq_attaching *under_way; /* in a thread; or NULL */
	bool is_wanted;
	int error; /* 0; -errno: they cannot be attached any more */
	struct wq_timer rest_timer;
};

/* Begins with HOOKS, which ATTACHMENT owns now, and whose programs are attached: to prove them
 * some keys were watched, and are not any more. When nothing has been watched for REST_NS they
 * are detached. */
void wq_attachment_begin(struct wq_attachment *attachment, struct wq_hooks *hooks,
	uint64_t rest_ns, struct wq_loop *loop, void (*ask_again)(void *arg), void *arg);

/* Somebody wants to watch a key. 0: the programs are attached; -EALREADY: they will be, or
 * it will have failed, when the loop calls ASK_AGAIN(ARG); any other -errno: they cannot be. */
int wq_attachment_want(struct wq_attachment *attachment);

/* Are they attached, and no thread is about to change that? */
bool wq_attachment_stands(const struct wq_attachment *attachment);

/* A key is not watched any more, which may have been the last one. */
void wq_attachment_rest_later(struct wq_attachment *attachment);

/* The loop is not used any more. A thread may still be under way. */
void wq_attachment_leave(struct wq_attachment *attachment);

/* Closes the hooks, after wq_attachment_leave(). If a thread is under way this waits for that,
 * but for no more than half a second; then the thread closes them at its end. */
void wq_attachment_close(struct wq_attachment *attachment);

#endif
