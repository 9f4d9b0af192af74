/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the keys bridge share: keys_bridge.c (watches, life),
 * keys_change.c (one key, and what a difference means), keys_proc.c (/proc/keys), keys_round.c
 * (looking at all of them), keys_hint.c (what a hint means), keys_told.c
 * (that nothing is told twice), keys_special.c (special keyrings), keys_trace.c (the trace as
 * a source), keys_end.c (when a key may have ended), keys_share.c (who pays for it).
 */
#ifndef WQ_KEYS_INTERNAL_H
#define WQ_KEYS_INTERNAL_H

#include <uthash.h>

#include "base/budget.h"
#include "base/shares.h"
#include "base/per_user.h"
#include "base/task.h"
#include "base/threads.h"
#include "keys/access.h"
#include "keys/ends.h"
#include "keys/key_look.h"
#include "keys/key_state.h"
#include "keys/keys_rings.h"
#include "keys/meant.h"
#include "keys/proc_keys.h"
#include "keys/serials.h"
#include "keys/sessions.h"
#include "keys_bridge.h"
#include "sources/hint.h"
#include "sources/trace.h"

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u
#define SLICE_NS  (2 * NS_PER_MS) /* requests wait no longer than this for a look */

/* What /proc/keys said last. */
struct proc_view {
	uint64_t pass;	    /* the pass that these are from; 0: none yet */
	uint64_t seen_pass; /* the pass that is under way, and how often it was seen there */
	unsigned int seen;
	bool expired;
	struct wq_expiry expiry, new_expiry;
	bool is_said; /* somebody reported another one since: */
	struct wq_expiry said;
	long len, new_len; /* of a payload, or -1 */
	uint64_t held_ns;  /* since when hints that are on their way hold it up; 0: none */
};

struct wq_key {
	/* What a look at an unchanged key needs comes first, in two cache lines: a round over
	 * many keys is spent waiting for memory. */
	TAILQ_ENTRY(wq_key) node; /* in keys->all, or in keys->gone */
	struct wq_keys *keys;
	uint64_t suspect_ns; /* when a difference was seen that a hint may yet explain; or 0 */
	int32_t serial;
	bool buried;		   /* on keys->gone */
	bool is_ring, ring_listed; /* listed on keys->rings */
	uint8_t ring_kind;
	/* A hint told of a change: what the next look finds of it is no news. */
	bool stale_payload, stale_attrs;
	bool stale;	      /* on keys->stale */
	struct wq_look_as as; /* who may View it, where the daemon itself may not */
	struct wq_key_state state;

	struct wq_watch_list watchers;
	struct proc_view proc;
	uint64_t since_ns;    /* the first look: hints from before it are in it */
	bool is_new;	      /* on keys->new */
	uint64_t found_round; /* of a suspect, or a buried one: the round that ends after it */
	size_t unnamed_from;  /* members from here on may lack a name */
	/* How many members were linked whose names could not be had any more: since the last
	 * look each may have taken the place of a member that is still in the model. */
	unsigned int nameless;
	struct wq_end end; /* in keys->ends: CLOCK_REALTIME when it will be collected */
	bool due;	   /* on keys->due: that time has come */
	UT_hash_handle hh;
	TAILQ_ENTRY(wq_key) suspect_node;
	TAILQ_ENTRY(wq_key) stale_node;
	TAILQ_ENTRY(wq_key) new_node;
	TAILQ_ENTRY(wq_key) due_node;
	TAILQ_ENTRY(wq_key) ring_node;
};

TAILQ_HEAD(key_list, wq_key);

/* Goes through keys->all, whatever is done meanwhile: a key that leaves moves on the cursors
 *that stand at it, and keys that come are seen too.
 *
 *	struct wq_key_cursor c;
 *
 *	wq_keys_cursor_begin(keys, &c);
 *	while ((key = wq_keys_cursor_next(&c)))
 *		...
 *	wq_keys_cursor_end(&c); */
struct wq_key_cursor {
	struct wq_key *next;
	LIST_ENTRY(wq_key_cursor) node;
};

/* An operation that has begun and not ended, as far as we were told. */
struct inflight {
	pid_t tid;
	struct wq_hint hint;
	bool reported; /* tid itself said so, which knows more than the trace: */
	struct wq_hint report;
	struct wq_caller reporter;
	UT_hash_handle hh;
};

/* A record that was posted for a difference: the hint that comes after explains it. */
struct told {
	int32_t serial;
	uint8_t subtype;
	uint32_t aux;
	uint64_t at_ns;
};

/* A key that ends by its own death, not by its last unlinking. */
struct dead {
	int32_t serial;
	time_t at; /* CLOCK_REALTIME */
};

#define DEAD_MAX  64
#define NAMES_MAX 64
#define TOLD_MAX  256

struct wq_keys {
	struct wq_keys_config config;
	struct wq_loop *loop;
	struct wq_look *look;
	struct wq_key_state scratch;
	struct wq_key *by_serial;
	struct wq_per_user users; /* watches */
	struct key_list all;
	LIST_HEAD(, wq_key_cursor) cursors; /* that go through it */
	struct key_list gone;		    /* destroyed: told at the end of the round */
	struct dead dead[DEAD_MAX];	    /* the last that were seen dead, or told to die */
	struct wq_rings rings;		    /* those of all that are keyrings */
	unsigned int dead_next;
	int32_t unlinked[DEAD_MAX]; /* the last unlinked from who knows where */
	unsigned int unlinked_next;

	/* the round: every key looked at once */
	struct wq_timer timer;
	bool running, proc_stage;
	uint64_t step_since_ns; /* since when the next step waits for the trace; or 0 */
	struct wq_key *next;
	uint64_t round;	    /* counts them */
	uint64_t round_ns;  /* when it began */
	uint64_t resync_ns; /* when the last thorough one did */
	bool soon;	    /* another is wanted before that */
	uint64_t cost_ns;   /* CPU time of this round's looks so far */
	uint64_t last_cost_ns;
	bool passed; /* this round has a pass over /proc/keys, which is counted apart */
	uint64_t pass_cost_ns, last_pass_ns;
	uint64_t interval_ns; /* from look to look at one key */
	uint64_t turn_used_ns;
	uint64_t ended_ns; /* when the last one did */
	TAILQ_HEAD(sync_list, wq_keys_sync) syncs;

	struct wq_proc_keys *proc;
	uint64_t proc_pass;
	uint64_t proc_began_ns, proc_cost_ns;
	bool proc_failed;
	bool judging;		   /* all lines of the pass have been read: */
	struct wq_key *judge_next; /* where their judging stands */

	/* hints */
	struct wq_trace *trace; /* NULL: polling */
	bool trace_died;
	uint64_t trace_retry_ns, trace_wait_ns; /* the next attempt to have it again; 0: none */
	uint64_t catch_up_ns; /* when more of it may be taken in before a step of ours */
	char why_not[160];    /* why there is no trace */
	char source_text[256];
	struct inflight *inflight;
	uint64_t expired_ns; /* when the old among them were last dropped */
	struct key_list suspects;
	struct wq_timer suspect_timer;
	struct wq_key *suspect_next; /* where their judging stands; NULL: at the first */
	uint64_t suspect_since_ns;   /* since when it waits for the trace; or 0 */
	struct key_list stale;	     /* of which hints told: to be known anew */
	struct wq_timer stale_timer;
	struct told told[TOLD_MAX];
	unsigned int told_next;
	struct wq_key_member names[NAMES_MAX]; /* of members that were displaced */
	unsigned int names_next;
	struct wq_serials serials; /* of keys that hints have named */
	struct wq_tasks tasks;
	struct wq_shares guesses, asking; /* of differences; of who has done it */
	struct wq_shares catching_up;	  /* with the trace, for requests */
	struct wq_sessions *sessions;
	struct wq_threads threads; /* where a walk over all of them stands */
	struct wq_timer threads_timer;
	uint64_t threads_ns; /* when the last walk began */

	/* ends */
	struct wq_timer gone_timer;    /* to tell of keys that are gone */
	uint64_t gone_since_ns;	       /* since when that waits for the trace; or 0 */
	struct wq_timer end_timer;     /* the next check after what may have ended keys */
	struct wq_ends ends;	       /* the known ones */
	struct key_list due;	       /* of those: they are asked whether they have ended */
	struct wq_timer ends_at_timer; /* the next of them */
	int gc_delay_fd;	       /* below 0: it cannot be asked */
	uint64_t end_due_ns;	       /* when it is due, if there is no occasion before */
	uint64_t end_asked_ns;	       /* when the last check ended */
	uint64_t end_step_ns;	       /* the distance to the check after it */
	uint64_t end_cost_ns;
	struct wq_key *end_next; /* where the check under way stands */
	struct key_list new;	 /* watched since a moment */
	struct wq_timer new_timer;
	uint64_t new_step_ns;
};

/* ---- keys_bridge.c ---- */

struct wq_key *wq_keys_find(const struct wq_keys *keys, int32_t serial);

void wq_keys_cursor_begin(struct wq_keys *keys, struct wq_key_cursor *c);
struct wq_key *wq_keys_cursor_next(struct wq_key_cursor *c);
void wq_keys_cursor_end(struct wq_key_cursor *c);

/* KEY, which is buried, has its watches told and removed, and is freed. */
void wq_keys_remove(struct wq_key *key);

/* ---- keys_change.c ---- */

void wq_keys_change_init(struct wq_keys *keys);
void wq_keys_change_fini(struct wq_keys *keys);

/* Posts SUBTYPE with AUX of KEY to those who watched it at AT_NS. */
void wq_keys_post(struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux,
	const struct wq_cred *who, uint64_t at_ns);

/* The same for a difference: nobody knows who made it, and a hint may yet tell of it. */
void wq_keys_post_difference(
	struct wq_key *key, enum key_notification_subtype subtype, uint32_t aux);

/* Takes KEY's first snapshot. 0 or -ENOMEM. */
int wq_keys_first_look(struct wq_key *key);

/* KEY is looked at as AS from now on: what that shows is what was known of it. */
void wq_keys_look_as(struct wq_key *key, const struct wq_look_as *as);

/* Takes in what KEY's stale flags say has been told, and nothing else: at once, or within
 * some ms, so that one of many hints does it for all. */
void wq_keys_rebase(struct wq_key *key);
void wq_keys_rebase_soon(struct wq_key *key);

/* Looks at KEY and posts what has changed since the last look; if a hint that is on its
 * way may explain it, later. */
void wq_keys_look_at(struct wq_key *key);

/* The same at once: what is different is told, whatever is on its way. */
void wq_keys_look_now(struct wq_key *key);

/* Looks again at keys with a difference that no hint on its way can explain any more, a slice
 * of them, and sets the timer for those that still wait. */
void wq_keys_judge_suspects(struct wq_keys *keys);

/* KEY is destroyed: it leaves the rounds; its watches are told by wq_keys_tell_gone(). */
void wq_keys_bury(struct wq_key *key);

/* Nobody is to look at KEY any more, which is being freed. */
void wq_keys_forget_key(struct wq_key *key);

/* SERIAL, watched or not, is dead from AT on (CLOCK_REALTIME): if it is gone then it was
 * collected. AT 0: it lives. */
void wq_keys_note_dead(struct wq_keys *keys, int32_t serial, time_t at);

/* SERIAL was unlinked from a keyring that cannot be told: whoever finds it missing, and it
 * gone altogether, is to know that it was not collected. */
void wq_keys_note_unlinked(struct wq_keys *keys, int32_t serial);

/* ---- keys_proc.c ---- */

/* Is it time for a pass again, by its share of the CPU budget? */
bool wq_keys_proc_due(const struct wq_keys *keys, uint64_t now_ns);

/* Begins a pass. False: /proc/keys cannot be read. */
bool wq_keys_proc_begin(struct wq_keys *keys);

/* One part of a pass: lines are read, and when all are, what they mean is told key by key:
 * after a pause, since what was done before they were read is to be taken in first. */
enum wq_proc_step { WQ_PROC_MORE, WQ_PROC_PAUSE, WQ_PROC_END };
enum wq_proc_step wq_keys_proc_step(struct wq_keys *keys);

/* A pass for new keys, before anything can change them, if that costs little; else the next
 * pass is the first that counts. */
void wq_keys_proc_first_view(struct wq_keys *keys);

void wq_keys_proc_fini(struct wq_keys *keys);

/* ---- keys_round.c ---- */

void wq_keys_round_init(struct wq_keys *keys);
void wq_keys_round_fini(struct wq_keys *keys);

/* Tells the watches of keys that were buried, unless a difference from before is held back. */
void wq_keys_tell_gone(struct wq_keys *keys);

/* Sets the timer of the next round. */
void wq_keys_plan(struct wq_keys *keys);

/* Looks at every key before long, and within the budget: something was done that cannot be
 * told to a key. */
void wq_keys_look_soon(struct wq_keys *keys);

/* Looks at every key at once and thoroughly: something was lost. */
void wq_keys_resync(struct wq_keys *keys);

/* ---- keys_told.c ---- */

/* Did a record for a difference tell already what a hint of an operation begun at BEGIN_NS
 * tells now? If so it is used up. */
bool wq_keys_was_told(
	struct wq_keys *keys, int32_t serial, uint8_t subtype, uint32_t aux, uint64_t begin_ns);
void wq_keys_note_told(struct wq_key *key, uint8_t subtype, uint32_t aux);

/* Who CALLER is, as a record's subject: its process, if we can see that. */
struct wq_cred wq_keys_reporter(struct wq_keys *keys, const struct wq_caller *caller);

/* H is under way, says CALLER, or the trace if that is NULL. */
void wq_keys_begin(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller);

struct inflight *wq_keys_find_inflight(struct wq_keys *keys, pid_t tid);
void wq_keys_forget_inflight(struct wq_keys *keys, struct inflight *f);
void wq_keys_forget_all_inflight(struct wq_keys *keys);

/* Is an operation under way that began before AT_NS, that may have changed KEY, and that
 * should still be waited for? */
bool wq_keys_inflight(const struct wq_key *key, uint64_t at_ns);

/* Completes H from the trace by what its thread said beforehand (F, or NULL) and may say:
 * special keyrings, the namesake of a key to be added, and who it is. */
void wq_keys_explain(const struct wq_keys *keys, const struct inflight *f, struct wq_hint *h);

/* ---- keys_special.c ---- */

/* Keyring ID as H's thread meant it: its serial; 0: none was given, or it is one that
 * nobody watches; below 0: it cannot be told. */
int32_t wq_keys_special(struct wq_keys *keys, const struct wq_hint *h, int32_t id);

/* Takes in what H, from the trace, says of who has which session keyring. */
void wq_keys_learn(struct wq_keys *keys, const struct wq_hint *h);

/* ---- keys_actors.c ---- */

/* PARENT has made CHILD at AT_NS, which has the same session keyring and users. */
void wq_keys_forked(struct wq_keys *keys, pid_t parent, pid_t child, uint64_t at_ns);

/* TID has done CHANGE with IDS to the users that it acts as. */
void wq_keys_ids_changed(struct wq_keys *keys, pid_t tid, enum wq_ids_change change,
	const uid_t ids[WQ_IDS_ARGS]);

/* Reads the users of all threads that there are: those of before the trace, which has just
 * begun. */
void wq_keys_actors_begin(struct wq_keys *keys);

/* Reads them again, within some seconds: something was not told. */
void wq_keys_actors_lost(struct wq_keys *keys);

void wq_keys_actors_end(struct wq_keys *keys);

/* The user whose keyrings H's thread has, in UID. False: it is gone and was not followed, or in
 * another user namespace, which has keyrings of its own for the same user, or there is no time
 * to ask. */
bool wq_keys_real_user(struct wq_keys *keys, const struct wq_hint *h, uid_t *uid);

/* Who did H, of which the trace tells: to be asked which keyrings that one can have meant by
 * ID. Valid until the next event. */
void wq_keys_actor(
	struct wq_keys *keys, const struct wq_hint *h, int32_t id, struct wq_actor *actor);

/* ---- keys_share.c ---- */

/* Who pays for what is done because of TID at AT_NS: its real user, or that of who forked it,
 * as far as it has been seen or read. WQ_UID_UNKNOWN: not known. */
uid_t wq_keys_payer(struct wq_keys *keys, pid_t tid, uint64_t at_ns);

/* TID's task as it was at AT_NS, or later: NULL if it is gone, or if whoever pays has no time
 * left to have it asked. Valid until the next call. */
const struct wq_task *wq_keys_ask_task(struct wq_keys *keys, pid_t tid, uint64_t at_ns);

/* Something that is paid for. */
struct wq_work {
	struct wq_shares *shares;
	uid_t uid;
	uint64_t began_ns; /* of its CPU time */
};

/* Begins WORK, which UID pays for with its share of SHARES, until wq_keys_end_work(). False:
 * there is none left, nothing was begun. */
bool wq_keys_begin_work(struct wq_work *work, struct wq_shares *shares, uid_t uid);
void wq_keys_end_work(const struct wq_work *work);

/* ---- keys_hint.c ---- */

/* The one path: H has begun, or ended. CALLER reported it; NULL: the trace tells of it. */
void wq_keys_take_hint(
	struct wq_keys *keys, const struct wq_hint *h, const struct wq_caller *caller);

/* ---- keys_trace.c ---- */

/* Starts or stops the trace as the configuration and the kernel have it. */
void wq_keys_start_trace(struct wq_keys *keys);
void wq_keys_stop_hints(struct wq_keys *keys);

/* LOSS once in every queue that watches a keyring of which OF(key, ARG) is true; OF NULL: that
 * watches anything. */
void wq_keys_tell_loss(struct wq_keys *keys,
	bool (*of)(const struct wq_key *key, const void *arg), const void *arg);

/* Has all been taken in that was done before this call? For what is to be asked again, in
 * another turn of the loop, until it has been: then, or after 100 ms, this is true. SINCE_NS, 0
 * at first, is the asker's own. */
bool wq_keys_caught_up(struct wq_keys *keys, uint64_t *since_ns);

/* Is the trace still what it was? Else LOSS, and another one or polling. Where one has died it
 * is tried again from time to time. Not while it is being drained. */
void wq_keys_check_trace(struct wq_keys *keys);

/* ---- keys_end.c ---- */

/* Something was done that may have ended keys: looks for it soon, and again and again with
 * growing distance. */
void wq_keys_may_end(struct wq_keys *keys);

/* KEY is watched from now on: it may be about to end by what was done before. */
void wq_keys_is_new(struct wq_key *key);
void wq_keys_no_longer_new(struct wq_key *key);

/* Something was done to some key, perhaps because another has ended: where an end is awaited
 * it is looked for now, so that it is told before what comes after it. */
void wq_keys_ask_ends(struct wq_keys *keys);

/* KEY will be collected at WHEN; 0: it is not known that it will. */
void wq_keys_ends_at(struct wq_key *key, time_t when);

/* When, or 0. */
time_t wq_keys_end_of(const struct wq_key *key);

/* A trace has begun, which tells nothing of what was done before: polling waited for no end. */
void wq_keys_await_ends(struct wq_keys *keys);

/* Seconds that the kernel keeps dead keys. */
time_t wq_keys_gc_delay(const struct wq_keys *keys);

void wq_keys_end_init(struct wq_keys *keys);
void wq_keys_end_fini(struct wq_keys *keys);

#endif
