/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No operation says that a key was collected: the kernel does it some time after the last
 * link, or the time, of the key is gone. So after what may have ended keys they are asked
 * whether they are still there, soon and with growing distance. Polling needs none of this.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "keys/keys_internal.h"

#define FIRST_NS (NS_PER_MS / 2)
#define LAST_NS	 (2u * NS_PER_S) /* after this distance they clearly stay */

#define ASK_SHARE 0.1 /* of a core may go into asking whenever others use keys */

#define NEW_NS NS_PER_S /* longer than a grace period takes, but on the busiest machine */

#define DUE_EVERY_NS (20 * NS_PER_MS)
#define DUE_S	     1 /* the kernel counts whole seconds; who stays longer clearly stays */

#define GC_DELAY_S 300 /* where the kernel does not say */

time_t wq_keys_gc_delay(const struct wq_keys *keys)
{
	char text[16];
	ssize_t n = keys->gc_delay_fd < 0 ? -1
					  : pread(keys->gc_delay_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return GC_DELAY_S;
	text[n] = '\0';
	return (time_t)strtoul(text, NULL, 10);
}

/* ---- soon ---- */

/* Within the budget: the checks cost no more of a core than polling would. */
static void plan_check(struct wq_keys *keys)
{
	uint64_t wait = (uint64_t)((double)keys->end_cost_ns / keys->config.cpu_budget);

	if (wait < keys->end_step_ns)
		wait = keys->end_step_ns;
	keys->end_due_ns = wq_now_ns() + wait;
	wq_timer_set(keys->loop, &keys->end_timer, keys->end_due_ns);
}

void wq_keys_ask_ends(struct wq_keys *keys)
{
	uint64_t due = keys->end_asked_ns + (uint64_t)((double)keys->end_cost_ns / ASK_SHARE);

	if (keys->end_timer.set && !keys->end_next && due < keys->end_timer.due_ns)
		wq_timer_set(keys->loop, &keys->end_timer, due);
}

/* One slice of a check. True: there is more of it. */
static bool check_slice(struct wq_keys *keys)
{
	uint64_t until = wq_now_ns() + SLICE_NS;
	unsigned int n = 0;

	while (keys->end_next) {
		struct wq_key *key = keys->end_next;

		keys->end_next = TAILQ_NEXT(key, node);
		if (!wq_look_exists(keys->look, key->serial))
			wq_keys_bury(key);
		if (++n % 16 == 0 && wq_now_ns() >= until)
			break;
	}
	return keys->end_next != NULL;
}

/* What was done to a key comes before its end. */
static void tell_ends(struct wq_keys *keys)
{
	if (TAILQ_EMPTY(&keys->gone))
		return;
	if (wq_keys_caught_up(keys, &keys->gone_since_ns))
		wq_keys_tell_gone(keys);
	else
		wq_timer_set(keys->loop, &keys->gone_timer, 0);
}

static void on_gone_timer(struct wq_timer *timer)
{
	tell_ends(wq_container_of(timer, struct wq_keys, gone_timer));
}

static void on_end_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, end_timer);
	uint64_t began = wq_now_ns();
	bool more;

	if (!keys->end_next) {
		keys->end_next = TAILQ_FIRST(&keys->all);
		keys->end_cost_ns = 0;
	}
	more = check_slice(keys);
	tell_ends(keys);
	keys->end_asked_ns = wq_now_ns();
	keys->end_cost_ns += keys->end_asked_ns - began;
	if (more) {
		wq_timer_set(keys->loop, timer, 0);
		return;
	}
	if (keys->end_asked_ns < keys->end_due_ns) { /* it was an occasion */
		wq_timer_set(keys->loop, timer, keys->end_due_ns);
		return;
	}
	keys->end_step_ns *= 2;
	if (keys->end_step_ns <= LAST_NS && !TAILQ_EMPTY(&keys->all))
		plan_check(keys);
}

void wq_keys_may_end(struct wq_keys *keys)
{
	if (!keys->trace || TAILQ_EMPTY(&keys->all))
		return;
	if (keys->end_next || (keys->end_timer.set && keys->end_step_ns <= FIRST_NS)) {
		keys->end_step_ns = FIRST_NS;
		return; /* one is under way, or about to begin */
	}
	keys->end_step_ns = FIRST_NS;
	plan_check(keys);
}

/* ---- new ---- */

/* The kernel lets a key be found until an RCU grace period after its last unlinking. So what
 * was done before a watch may end its key after it, and only that of all keys. */
static void on_new_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, new_timer);
	const struct wq_key *last = TAILQ_LAST(&keys->new, key_list);
	uint64_t began = wq_now_ns(), now = began, wait;
	struct wq_key *key;
	bool more = true;

	while (more && (key = TAILQ_FIRST(&keys->new)) && now - began < SLICE_NS) {
		more = key != last;
		TAILQ_REMOVE(&keys->new, key, new_node);
		TAILQ_INSERT_TAIL(&keys->new, key, new_node); /* asked last, to be asked last */
		if (key->since_ns + NEW_NS < began)
			wq_keys_no_longer_new(key);
		if (!wq_look_exists(keys->look, key->serial))
			wq_keys_bury(key);
		now = wq_now_ns();
	}
	tell_ends(keys);
	now = wq_now_ns();
	wait = (uint64_t)((double)(now - began) / keys->config.cpu_budget);
	if (keys->new_step_ns < NEW_NS / 10)
		keys->new_step_ns *= 2;
	if (!TAILQ_EMPTY(&keys->new))
		wq_timer_set(keys->loop, timer,
			now + (wait > keys->new_step_ns ? wait : keys->new_step_ns));
}

void wq_keys_is_new(struct wq_key *key)
{
	struct wq_keys *keys = key->keys;

	if (!keys->trace)
		return;
	key->is_new = true;
	TAILQ_INSERT_TAIL(&keys->new, key, new_node);
	keys->new_step_ns = FIRST_NS;
	if (!keys->new_timer.set)
		wq_timer_set(keys->loop, &keys->new_timer, wq_now_ns() + FIRST_NS);
}

void wq_keys_no_longer_new(struct wq_key *key)
{
	if (!key->is_new)
		return;
	TAILQ_REMOVE(&key->keys->new, key, new_node);
	key->is_new = false;
}

/* ---- at a known time ---- */

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Sets the timer for WHEN_NS of CLOCK_REALTIME, if it is not set for an earlier time. */
static void plan_end(struct wq_keys *keys, uint64_t when_ns)
{
	uint64_t now = real_ns();
	/* that time may have come, and the kernel take its time */
	uint64_t due =
		wq_now_ns() + (when_ns > now + DUE_EVERY_NS ? when_ns - now : DUE_EVERY_NS);

	if (!keys->ends_at_timer.set || due < keys->ends_at_timer.due_ns)
		wq_timer_set(keys->loop, &keys->ends_at_timer, due);
}

static void plan_next_end(struct wq_keys *keys)
{
	const struct wq_end *first = wq_ends_first(&keys->ends);

	if (first)
		plan_end(keys, (uint64_t)first->at * NS_PER_S);
}

static void no_longer_due(struct wq_key *key)
{
	if (!key->due)
		return;
	TAILQ_REMOVE(&key->keys->due, key, due_node);
	key->due = false;
}

/* Those whose time has come, UNTIL_NS at the latest: the rest follows. */
static void make_due(struct wq_keys *keys, time_t now, uint64_t until_ns)
{
	struct wq_end *end;

	while ((end = wq_ends_first(&keys->ends)) && end->at <= now && wq_now_ns() < until_ns) {
		struct wq_key *key = wq_container_of(end, struct wq_key, end);

		wq_ends_remove(&keys->ends, end);
		key->due = true;
		TAILQ_INSERT_TAIL(&keys->due, key, due_node);
	}
}

/* Asks each of those that are due whether it has ended, as many as there is time for: who was
 * asked is asked again when all others have been. */
static void ask_due(struct wq_keys *keys, time_t now, uint64_t until_ns)
{
	const struct wq_key *last = TAILQ_LAST(&keys->due, key_list);
	struct wq_key *key;
	bool more = true;

	while (more && (key = TAILQ_FIRST(&keys->due)) && wq_now_ns() < until_ns) {
		more = key != last;
		no_longer_due(key);
		if (!wq_look_exists(keys->look, key->serial)) {
			wq_keys_bury(key);
		} else if (now > key->end.at + DUE_S) {
			wq_keys_may_end(keys);
		} else {
			key->due = true;
			TAILQ_INSERT_TAIL(&keys->due, key, due_node);
		}
	}
}

/* The kernel collects a key in the second after its time, since it counts whole ones: until
 * then it is asked for again and again, for a share of the time. */
static void on_ends_at_timer(struct wq_timer *timer)
{
	struct wq_keys *keys = wq_container_of(timer, struct wq_keys, ends_at_timer);
	uint64_t began = wq_now_ns(), took, wait;
	time_t now = time(NULL);

	make_due(keys, now, began + SLICE_NS);
	ask_due(keys, now, began + SLICE_NS);
	tell_ends(keys);
	took = wq_now_ns() - began;
	wait = (uint64_t)((double)took / ASK_SHARE);
	if (!TAILQ_EMPTY(&keys->due))
		wq_timer_set(
			keys->loop, timer, began + (wait > DUE_EVERY_NS ? wait : DUE_EVERY_NS));
	plan_next_end(keys);
}

void wq_keys_ends_at(struct wq_key *key, time_t when)
{
	struct wq_keys *keys = key->keys;

	no_longer_due(key);
	/* where there is no memory for it a look finds the end, later */
	if (!when || key->buried || wq_ends_set(&keys->ends, &key->end, when) < 0)
		wq_ends_remove(&keys->ends, &key->end);
	/* a timer for a time that is none any more finds nothing, and is set anew */
	if (key->end.place && keys->trace)
		plan_end(keys, (uint64_t)when * NS_PER_S);
}

time_t wq_keys_end_of(const struct wq_key *key)
{
	return key->due || key->end.place ? key->end.at : 0;
}

void wq_keys_await_ends(struct wq_keys *keys)
{
	wq_keys_may_end(keys);
	plan_next_end(keys);
}

void wq_keys_end_init(struct wq_keys *keys)
{
	TAILQ_INIT(&keys->new);
	TAILQ_INIT(&keys->due);
	keys->gc_delay_fd = open("/proc/sys/kernel/keys/gc_delay", O_RDONLY | O_CLOEXEC);
	keys->gone_timer.fire = on_gone_timer;
	keys->new_timer.fire = on_new_timer;
	keys->end_timer.fire = on_end_timer;
	keys->ends_at_timer.fire = on_ends_at_timer;
}

void wq_keys_end_fini(struct wq_keys *keys)
{
	wq_timer_clear(keys->loop, &keys->gone_timer);
	wq_timer_clear(keys->loop, &keys->new_timer);
	wq_timer_clear(keys->loop, &keys->end_timer);
	wq_timer_clear(keys->loop, &keys->ends_at_timer);
	wq_ends_fini(&keys->ends);
	if (keys->gc_delay_fd >= 0)
		close(keys->gc_delay_fd);
}
