/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/escape.h"
#include "keys/access.h"
#include "keys/describe.h"

static const char *how_observed(const struct wq_key *key)
{
	switch (key->state.life) {
	case WQ_KEY_HIDDEN:
		if (wq_model_has(key->model, WQ_SOURCE_CHANGES))
			break;
		return "not viewable: only its end is seen";
	case WQ_KEY_EXPIRED:
		return "expired: its removal is awaited";
	case WQ_KEY_REVOKED:
		return "revoked: its removal is awaited";
	case WQ_KEY_INVALIDATED:
	case WQ_KEY_DESTROYED:
		return "invalidated: its removal is awaited";
	case WQ_KEY_ALIVE:
		break;
	}
	if (wq_model_has(key->model, WQ_SOURCE_CHANGES))
		return "the source reports each change";
	if (wq_model_has(key->model, WQ_SOURCE_OPERATIONS))
		return "traced";
	switch (key->state.payload) {
	case WQ_PAYLOAD_UNREADABLE:
		return wq_key_is_type(&key->state, "keyring")
			       ? "members not readable: links are not seen"
			       : "payload not readable: only updates that change its length "
				 "are seen";
	case WQ_PAYLOAD_UNREAD:
		return "payload of this type is not read: updates are not seen";
	case WQ_PAYLOAD_DIGEST:
		return "payload compared";
	case WQ_PAYLOAD_MEMBERS:
		break;
	}
	return "members compared";
}

void wq_describe_watch(const struct wq_watch *watch, const struct wq_caller *caller, FILE *out)
{
	const struct wq_key *key = watch->private;
	const struct wq_key_state *s = &key->state;

	fprintf(out, "%d %u ", key->serial, watch->info_id >> WATCH_INFO_ID__SHIFT);
	/* Nobody knows to whom a key that we can no longer see grants anything. */
	if (s->life == WQ_KEY_HIDDEN) {
		fprintf(out, "-\t%s", how_observed(key));
	} else if (!wq_access_may_view(s, caller)) {
		fputs("-\tit does not grant you View", out);
	} else {
		wq_escape(out, s->describe, strlen(s->describe), true);
		fprintf(out, "\t%s", how_observed(key));
	}
}

void wq_describe_source(const struct wq_scan *scan, char *buf, size_t size)
{
	struct wq_supervisor *sources = &scan->model->sources;
	const char *why_not = wq_supervisor_why_not(sources);
	const char *starting = wq_supervisor_starting(sources);
	char how_often[64] = "";

	if (starting) {
		snprintf(buf, size, "%s (starting)", starting);
		return;
	}
	if (wq_model_has(scan->model, WQ_SOURCE_OPERATIONS))
		snprintf(how_often, sizeof(how_often), ", and a scan of all keys each %u s",
			wq_scan_resync_s(scan));
	else if (!wq_model_has_events(scan->model) && scan->interval_ns)
		snprintf(how_often, sizeof(how_often), ", each key every %.3f ms",
			(double)scan->interval_ns / WQ_NSEC_PER_MSEC);
	else if (!wq_model_has_events(scan->model))
		snprintf(how_often, sizeof(how_often), ", once a key is watched");
	snprintf(buf, size, "%s%s%s%s%s", wq_supervisor_name(sources), how_often,
		*why_not ? " (not " : "", why_not, *why_not ? ")" : "");
}
