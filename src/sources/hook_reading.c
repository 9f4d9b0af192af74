/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "base/unused.h"
#include "sources/call_changes.h"
#include "sources/hook_calls.h"
#include "sources/hook_set.h"
#include "sources/hook_skips.h"
#include "sources/key_hooks.h"

/* ---- losses ---- */

static void report_lost(struct wq_hooks *h, int32_t serial, uint64_t at_ns)
{
	h->reader->lost(h->reader->arg, &(struct wq_key_lost){serial, at_ns});
}

/* Reports the losses of a key, if there are any, with the time of the first. */
static void report_losses_of(struct wq_hooks *h, int32_t serial)
{
	struct wq_hook_loss loss;

	if (bpf_map_lookup_and_delete_elem(h->losses, &serial, &loss))
		return;
	h->lost += loss.events;
	report_lost(h, serial, loss.at_ns);
}

/* Reports the keys whose events were lost. Losses that are
 * counted for all and for no single key may concern any key. */
static void report_losses(struct wq_hooks *h)
{
	uint64_t total = __atomic_load_n(&h->state->lost, __ATOMIC_ACQUIRE);
	uint64_t not_noted = __atomic_load_n(&h->state->not_noted, __ATOMIC_ACQUIRE);
	int32_t serial;

	if (not_noted != h->not_noted)
		report_lost(h, 0, wq_now_ns());
	h->not_noted = not_noted;
	if (total == h->lost)
		return;
	while (!bpf_map_get_next_key(h->losses, NULL, &serial)) {
		report_losses_of(h, serial);
		if (wq_now_ns() >= h->end_ns)
			return; /* others may be lost as fast as we read */
	}
	if (h->lost < total) {
		h->lost = total;
		report_lost(h, 0, wq_now_ns());
	}
}

/* ---- ends ---- */

static void report_destroyed(struct wq_hooks *h, const struct wq_destroyed *destroyed)
{
	report_losses_of(h, destroyed->serial); /* before its end */
	h->reader->destroyed(h->reader->arg, destroyed);
}

/* If a call has caused the end of a key, its changes come before that end, but are reported
 * when it returns; so the end is held until then. Hooks report both in order. */
static void destroyed(struct wq_hooks *h, const struct wq_hook_event *event)
{
	const struct wq_destroyed d = {event->serial, event->at_ns};

	if (h->variant == WQ_HOOKS_CALLS && h->n_held < HELD_MAX)
		h->held[h->n_held++] = (struct held){d, wq_now_ns()};
	else
		report_destroyed(h, &d);
}

static bool is_awaited(struct wq_hooks *h, const struct held *held)
{
	uint64_t at_ns = held->destroyed.at_ns;

	return wq_now_ns() - held->seen_ns < HELD_NS &&
	       wq_hook_calls_under_way(h->object, at_ns - HELD_NS, at_ns);
}

/* Reports the ends that wait for no call any more. True: that was all of them. */
static bool release_held(struct wq_hooks *h)
{
	size_t n = 0;

	while (n < h->n_held && !is_awaited(h, &h->held[n]))
		n++;
	/* calls may have reported something by now, more than there is time for */
	if (n && ring_buffer__consume(h->ring) == -EAGAIN)
		return false;
	for (size_t i = 0; i < n; i++)
		report_destroyed(h, &h->held[i].destroyed);
	h->n_held -= n;
	memmove(h->held, h->held + n, h->n_held * sizeof(h->held[0]));
	return h->n_held == 0;
}

/* ---- events ---- */

/* A call that began before an end comes before it. */
static void put_before_ends(struct wq_hooks *h, const struct wq_hook_call *call)
{
	for (size_t i = 0; i < h->n_held; i++)
		if (call->begin_ns <= h->held[i].destroyed.at_ns &&
			call->at_ns >= h->held[i].destroyed.at_ns)
			h->held[i].destroyed.at_ns = call->at_ns + 1;
}

static void called(struct wq_hooks *h, const struct wq_hook_call *call)
{
	struct wq_change changes[WQ_OP_POSTS];
	size_t n = wq_call_changes(call, changes);

	put_before_ends(h, call);
	for (size_t i = 0; i < n; i++)
		h->reader->change(h->reader->arg, &changes[i]);
}

static void changed(struct wq_hooks *h, const struct wq_hook_event *event)
{
	struct wq_change change = {
		.serial = event->serial,
		.subtype = (uint8_t)event->what,
		.aux = event->aux,
		.at_ns = event->at_ns,
		.who = {.pid = (pid_t)event->who.pid,
			.uid = event->who.uid,
			.gid = event->who.gid},
	};

	memcpy(change.who.comm, event->who.comm, sizeof(change.who.comm));
	h->reader->change(h->reader->arg, &change);
}

int wq_hooks_on_sample(void *arg, void *data, size_t size WQ_UNUSED)
{
	struct wq_hooks *h = arg;
	const struct wq_hook_event *event = data;

	h->n_read++;
	h->last_ns = event->at_ns;
	if (event->what == WQ_HOOK_CALL)
		called(h, data);
	else if (event->what == WQ_HOOK_DESTROYED)
		destroyed(h, event);
	else if (event->what == WQ_HOOK_UNKNOWN)
		report_lost(h, event->serial, event->at_ns);
	else
		changed(h, event);
	return wq_now_ns() < h->end_ns ? 0 : -EAGAIN;
}

/* Is an event left though we have read all? Its writer has not finished it. */
static bool is_held_up(const struct wq_hooks *h)
{
	return __atomic_load_n(h->consumed, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(h->produced, __ATOMIC_ACQUIRE);
}

int wq_hooks_read(struct wq_hooks *h, const struct wq_hooks_reader *reader, uint64_t end_ns,
	uint64_t *until_ns)
{
	uint64_t began = wq_now_ns();
	bool all, is_cut;
	int r;

	h->reader = reader;
	h->end_ns = end_ns;
	h->last_ns = began;
	h->n_read = 0;
	report_losses(h);
	r = ring_buffer__consume(h->ring);
	if (r < 0 && r != -EAGAIN)
		return r;
	/* An unfinished event holds up those after it. Then not all was read; finishing it
	 * wakes us. */
	is_cut = r == -EAGAIN;
	all = !is_cut && !is_held_up(h);
	*until_ns = all ? began : h->last_ns;
	if (all) /* each key has its share of the ring buffer again */
		__atomic_store_n(&h->state->epoch, h->state->epoch + 1, __ATOMIC_RELEASE);
	/* what was not read may be a change by a call that has returned before an end */
	if (h->n_held && (is_cut || !release_held(h)) && h->held[0].destroyed.at_ns < *until_ns)
		*until_ns = h->held[0].destroyed.at_ns;
	return 0;
}

size_t wq_hooks_n_read(const struct wq_hooks *h)
{
	return h->n_read;
}

bool wq_hooks_have_skipped(struct wq_hooks *h)
{
	uint64_t before = h->skips;

	h->skips = wq_hook_skips(h->object, h->links, h->n_links);
	return h->skips != before;
}
