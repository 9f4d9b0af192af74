/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an operation, or a report of one, comes to: which changes, in their order, and what else
 * follows. It is only said here, and has not been done.
 */
#ifndef WQ_OUTCOME_H
#define WQ_OUTCOME_H

#include <assert.h>
#include <time.h>

#include "keys/meant.h"
#include "sources/event.h"

#define WQ_GUESSES_MAX	 2  /* an operation names no more keyrings that it changes */
#define WQ_INFER_AT_ONCE 32 /* keyrings that are looked at for one; more take a scan */

/* A guess for each keyring, and what is known without one. */
#define WQ_STEPS_MAX (WQ_GUESSES_MAX * (WQ_INFER_AT_ONCE + 1) + 2)

enum wq_inference {
	WQ_INFER_LINKED,
	WQ_INFER_FOUND, /* linked if it was made for that, else only found */
	WQ_INFER_UNLINKED,
	WQ_INFER_CLEARED,
	WQ_INFER_SETATTR,
};

/* What cannot be told to a keyring, and may have been done to several. */
struct wq_missed {
	int32_t id;	/* how it was named: a special keyring's number, or 0 for any */
	uint8_t rights; /* of which its use took one */
	struct wq_actor actor;
	enum wq_inference what;
	int32_t serial; /* of the member; below 0: that cannot be told, either */
};

enum wq_step_kind {
	WQ_STEP_CHANGE, /* CHANGE was made */
	WQ_STEP_KNOWN,	/* CHANGE would be told, if it were not what is known: no record */
	WQ_STEP_LOOK,	/* CHANGE is not believed: its key is to be looked at */
	WQ_STEP_LOSS,	/* those who may have missed something are told so */
};

struct wq_step {
	enum wq_step_kind kind;
	bool is_inferred;	 /* CHANGE: from what is there, which another may have done */
	struct wq_change change; /* when, and by whom, is the operation's */
	unsigned int missed;	 /* WQ_STEP_LOSS: which one */
};

struct wq_outcome {
	struct wq_step step[WQ_STEPS_MAX];
	struct wq_missed missed[WQ_GUESSES_MAX];
	unsigned int n, nmissed;
	int32_t timeout_of; /* a key whose timeout was set, or 0 */
	time_t timeout_at;  /* CLOCK_REALTIME; 0: it has none */
	bool may_destroy;   /* keys may have ended */
	bool scan_soon;	    /* something was done that cannot be told to a key */
};

/* Adds a step. What it is about is to be filled in. */
static inline struct wq_step *wq_outcome_add(struct wq_outcome *o, enum wq_step_kind kind)
{
	struct wq_step *step = &o->step[o->n];

	assert(o->n < WQ_STEPS_MAX);
	o->n++;
	*step = (struct wq_step){.kind = kind};
	return step;
}

static inline void wq_outcome_change(struct wq_outcome *o, enum wq_step_kind kind,
	int32_t serial, enum key_notification_subtype subtype, uint32_t aux, bool is_inferred)
{
	struct wq_step *step = wq_outcome_add(o, kind);

	step->is_inferred = is_inferred;
	step->change.serial = serial;
	step->change.subtype = (uint8_t)subtype;
	step->change.aux = aux;
}

#endif
