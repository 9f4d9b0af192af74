/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>

#include "sources/hook_calls.h"
#include "sources/operation.h"
#include "wqfs.h"

#define SYMBOLS	    "/proc/kallsyms"
#define FIND_TRIES  256 /* a search may fail while others make or destroy keys */
#define CALLS_ASKED 64	/* the number of calls under way that are checked */

/* ---- where functions are ---- */

/* Is NAME the name of FUNCTION, or of a variant that the compiler has made
 * ("NAME.constprop.0")? */
static bool is_symbol(const char *name, const char *function)
{
	size_t n = strlen(function);

	return !strncmp(name, function, n) && (!name[n] || name[n] == '.');
}

/* Reads the next symbol of the kernel's code from FILE. */
static bool next_symbol(FILE *file, uint64_t *address, char name[128])
{
	char line[256], type;
	unsigned long long at;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %c %127s", &at, &type, name) != 3 ||
			!strchr("tTwW", type))
			continue;
		*address = at;
		return true;
	}
	return false;
}

/* A function, and where it is as far as that has been read. */
struct place {
	const char *function;
	struct wq_hook_range range;
};

/* A symbol is at ADDRESS. The kernel lists its own symbols by address, so that a function ends
 * where the next symbol is. */
static void note_symbol(struct place *place, uint64_t address, const char *name)
{
	struct wq_hook_range *range = &place->range;

	if (!range->from && is_symbol(name, place->function))
		range->from = address;
	else if (range->from && !range->to && address > range->from)
		range->to = address;
}

static bool find_functions(struct wq_hook_state *state, char *why, size_t why_size)
{
	struct place alloc = {"key_alloc", {0}}, collector = {"key_gc_unused_keys", {0}},
		     outer = {"key_garbage_collector", {0}};
	FILE *file = fopen(SYMBOLS, "re");
	char name[128];
	uint64_t address;

	if (!file) {
		snprintf(why, why_size, "%s: %s", SYMBOLS, strerror(errno));
		return false;
	}
	while ((!alloc.range.to || !collector.range.to || !outer.range.to) &&
		next_symbol(file, &address, name)) {
		note_symbol(&alloc, address, name);
		note_symbol(&collector, address, name);
		note_symbol(&outer, address, name);
	}
	fclose(file);
	state->key_alloc = alloc.range;
	/* the compiler may have put the collector's inner function into the outer one */
	state->collector = collector.range.to ? collector.range : outer.range;
	if (state->key_alloc.to && state->collector.to)
		return true;
	snprintf(why, why_size, "%s does not say where key_alloc() and the collector are",
		SYMBOLS);
	return false;
}

/* ---- what calls are ---- */

static uint8_t kind_of(enum wq_op_kind kind)
{
	switch (kind) {
	case WQ_ARG_KEY:
	case WQ_ARG_RING:
		return WQ_HOOK_KEY;
	case WQ_ARG_DEST:
		return WQ_HOOK_DEST;
	case WQ_ARG_NONE:
	case WQ_ARG_NUMBER:
		break;
	}
	return WQ_HOOK_OTHER;
}

static int set_operation(int map, uint32_t number, uint32_t op)
{
	const struct wq_operation_type *type = wq_operation_find(op);
	struct wq_hook_operation o = {
		.is_reported = !type->silent, .has_result = type->result.kind != WQ_ARG_NONE};

	for (size_t i = 0; i < WQ_OP_ARGS; i++)
		o.kinds[i] = kind_of(type->arg[i].kind);
	return bpf_map_update_elem(map, &number, &o, BPF_ANY);
}

static int set_operations(struct bpf_object *object)
{
	int map = bpf_object__find_map_fd_by_name(object, "operations"), r = 0;
	uint32_t op;

	for (unsigned int i = 0; r == 0 && wq_operation_keyctl(i, &op); i++)
		if (op < WQ_HOOK_OPERATIONS)
			r = set_operation(map, op, op);
	if (r == 0)
		r = set_operation(map, WQ_HOOK_ADD_KEY, WQFS_REPORT_ADD_KEY);
	if (r == 0)
		r = set_operation(map, WQ_HOOK_REQUEST_KEY, WQFS_REPORT_REQUEST_KEY);
	return r;
}

bool wq_hook_calls_prepare(
	struct bpf_object *object, struct wq_hook_state *state, char *why, size_t why_size)
{
	if (!find_functions(state, why, why_size))
		return false;
	if (set_operations(object) < 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		return false;
	}
	return true;
}

/* ---- where keys are ---- */

static bool exists(int32_t serial)
{
	char c;

	return keyctl_describe(serial, &c, 0) >= 0 || errno != ENOKEY;
}

int wq_hook_calls_find(struct bpf_object *object, int32_t serial)
{
	struct {
		int32_t serial, found;
	} find = {serial, 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &find, .ctx_size_in = sizeof(find));
	const struct bpf_program *program =
		bpf_object__find_program_by_name(object, "find_key");

	/* the search begins at a key of this thread's own */
	if (keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) < 0)
		return -errno;
	for (int i = 0; i < FIND_TRIES && exists(serial); i++) {
		if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts))
			return -errno;
		if (find.found)
			return 0;
	}
	return exists(serial) ? -ESTALE : 0;
}

void wq_hook_calls_forget(struct bpf_object *object, int32_t serial)
{
	const int addresses = bpf_object__find_map_fd_by_name(object, "addresses");
	struct wq_hook_watch watch;
	int32_t there;

	if (bpf_map_lookup_elem(
		    bpf_object__find_map_fd_by_name(object, "watched"), &serial, &watch) ||
		!watch.address)
		return;
	/* if the end of the key was lost another one may have its address by now */
	if (!bpf_map_lookup_elem(addresses, &watch.address, &there) && there == serial)
		bpf_map_delete_elem(addresses, &watch.address);
}

/* ---- calls under way ---- */

static bool is_calling(struct bpf_object *object, uint64_t from_ns, uint64_t to_ns)
{
	const int map = bpf_object__find_map_fd_by_name(object, "callers");
	struct wq_hook_callers all;
	uint32_t first = 0;

	if (bpf_map_lookup_elem(map, &first, &all))
		return false;
	for (size_t i = 0; i < WQ_HOOK_CALLERS; i++) {
		const struct wq_hook_caller *c = &all.callers[i];

		if (c->tid && c->begin_ns >= from_ns && c->begin_ns <= to_ns)
			return true;
	}
	return false;
}

static bool is_noted(struct bpf_object *object, uint64_t from_ns, uint64_t to_ns)
{
	int map = bpf_object__find_map_fd_by_name(object, "calls");
	uint32_t tid, *at = NULL;
	struct wq_hook_begun call;

	for (int i = 0; i < CALLS_ASKED && !bpf_map_get_next_key(map, at, &tid); i++) {
		at = &tid;
		if (!bpf_map_lookup_elem(map, &tid, &call) && call.begin_ns >= from_ns &&
			call.begin_ns <= to_ns && call.op != WQ_HOOK_REQUEST_KEY)
			return true;
	}
	return false;
}

bool wq_hook_calls_under_way(struct bpf_object *object, uint64_t from_ns, uint64_t to_ns)
{
	return is_calling(object, from_ns, to_ns) || is_noted(object, from_ns, to_ns);
}

void wq_hook_calls_forget_callers(struct bpf_object *object)
{
	const int map = bpf_object__find_map_fd_by_name(object, "callers");
	const struct wq_hook_callers none = {0};
	uint32_t first = 0;

	(void)bpf_map_update_elem(map, &first, &none, BPF_ANY);
}
