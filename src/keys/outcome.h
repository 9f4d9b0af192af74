/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an operation, or a report of one, means: its changes, in order, and what else follows.
 * Nothing of the model of a key has been changed yet, and nothing posted.
 */
#ifndef WQ_OUTCOME_H
#define WQ_OUTCOME_H

#include <assert.h>
#include <time.h>

#include "keys/meant.h"
#include "sources/event.h"

#define WQ_MISSED_MAX 2 /* an operation names at most so many keyrings that it changes */
/* Keyrings that are compared for one operation; if there are more, a scan follows. */
#define WQ_INFER_AT_ONCE 32

/* For each keyring the possible changes and a loss, and what needs no inferring. */
#define WQ_STEPS_MAX (WQ_MISSED_MAX * (WQ_INFER_AT_ONCE + 1) + 2)

enum wq_inference {
	WQ_INFER_LINKED,
	WQ_INFER_FOUND, /* linked if the key was made for it, else only found */
	WQ_INFER_UNLINKED,
	WQ_INFER_CLEARED,
	WQ_INFER_SETATTR,
};

/* Something that may have been done to several keyrings, and cannot be attributed to one. */
struct wq_missed {
	/* How the keyring was named: the number of a special keyring, or 0 for any. */
	int32_t id;
	uint8_t rights; /* the rights of which its use needs one */
	struct wq_actor actor;
	enum wq_inference what;
	int32_t serial; /* of the member; below 0: unknown, too */
};

enum wq_step_kind {
	WQ_STEP_CHANGE, /* CHANGE was made */
	/* CHANGE would be posted if the model did not have it: there is no record. */
	WQ_STEP_KNOWN,
	WQ_STEP_COMPARE, /* CHANGE is not believed: compare its key */
	WQ_STEP_LOSS,	 /* post LOSS to those who may have missed something */
	WQ_STEP_UNSEEN,	 /* CHANGE may have been made, which nobody can see: post LOSS */
};

struct wq_step {
	enum wq_step_kind kind;
	/* CHANGE was inferred from a difference, which somebody else may have made. */
	bool is_inferred;
	struct wq_change change; /* time and process are those of the operation */
	unsigned int missed;	 /* WQ_STEP_LOSS: which one */
};

struct wq_outcome {
	struct wq_step step[WQ_STEPS_MAX];
	struct wq_missed missed[WQ_MISSED_MAX];
	unsigned int n, nmissed;
	int32_t timeout_of; /* a key whose timeout was set, or 0 */
	time_t timeout_at;  /* CLOCK_REALTIME; 0: it never expires */
	bool may_destroy;   /* keys may have ended */
	bool scan_soon;	    /* something was done to an unknown key */
};

/* Adds a step, which the caller fills in. */
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
