/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <bpf/btf.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "sources/hook_places.h"

#define TRAMPOLINE_ARGS 6 /* before Linux 6.6 a trampoline takes no more */

#define BOTH (WQ_HOOK_ENTRY | WQ_HOOK_RETURN)

const struct wq_hook_place wq_hook_places[] = {
	{"__key_link", "vkkp", WQ_HOOK_ENTRY, NULL},
	{"key_move", "ikkki", BOTH, NULL},
	{"key_unlink", "ikk", BOTH, NULL},
	{"keyring_clear", "ik", BOTH, NULL},
	{"key_payload_reserve", "ikl", WQ_HOOK_ENTRY, NULL},
	{"__key_instantiate_and_link", "ikpkkp", BOTH, NULL},
	{"key_reject_and_link", "ikiikk", BOTH, NULL},
	{"security_key_post_create_or_update", "vkkpllb", WQ_HOOK_ENTRY | WQ_HOOK_TYPED,
		"add_key"},
	{"ima_post_key_create_or_update", "vkkpllb", WQ_HOOK_ENTRY | WQ_HOOK_TYPED, "add_key"},
	{"key_create_or_update", "rrppplil", BOTH, "add_key"},
	{"key_update", "irpl", BOTH, NULL},
	{"key_revoke", "vk", BOTH, NULL},
	{"key_schedule_gc", "vl", WQ_HOOK_ENTRY, NULL},
	{"key_invalidate", "vk", BOTH, NULL},
	{"key_schedule_gc_links", "v", WQ_HOOK_ENTRY, NULL},
	{"security_key_free", "vk", WQ_HOOK_ENTRY, NULL},
	{"lookup_user_key", "rili", WQ_HOOK_RETURN, NULL},
	{"keyctl_setperm_key", "lii", BOTH, NULL},
	{"keyctl_chown_key", "liii", BOTH, NULL},
	{"keyctl_set_timeout", "lii", BOTH, NULL},
	{"keyring_restrict", "irpp", BOTH, NULL},
	{NULL, NULL, 0, NULL},
};

static const struct btf_type *plain(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return t->name_off ? btf__name_by_offset(btf, t->name_off) : "";
}

static char pointer_letter(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_type *to = t->type ? plain(btf, t->type) : NULL;

	if (to && btf_is_struct(to) && !strcmp(name_of(btf, to), "key"))
		return 'k';
	if (to && btf_is_fwd(to) &&
		!strcmp(name_of(btf, to), "__key_reference_with_attributes"))
		return 'r';
	return 'p';
}

/* The letter of a type, as in struct wq_hook_place; '?': it has none. */
static char letter(const struct btf *btf, __u32 id)
{
	const struct btf_type *t;

	if (!id)
		return 'v';
	t = plain(btf, id);
	if (!t)
		return '?';
	if (btf_is_ptr(t))
		return pointer_letter(btf, t);
	if (btf_is_any_enum(t))
		return t->size == 4 ? 'i' : '?';
	if (!btf_is_int(t))
		return '?';
	if (btf_int_encoding(t) & BTF_INT_BOOL)
		return 'b';
	return t->size == 4 ? 'i' : t->size == 8 ? 'l' : '?';
}

enum fit {
	FITS,
	ABSENT,
	DIFFERS,
};

static enum fit fits(const struct btf *btf, const struct wq_hook_place *place)
{
	__s32 id = btf__find_by_name_kind(btf, place->function, BTF_KIND_FUNC);
	const struct btf_type *function, *proto;
	const struct btf_param *param;
	size_t n = strlen(place->type) - 1;

	if (id < 0)
		return ABSENT;
	function = btf__type_by_id(btf, (__u32)id);
	proto = btf__type_by_id(btf, function->type);
	if (!proto || btf_vlen(proto) != n || letter(btf, proto->type) != place->type[0])
		return DIFFERS;
	param = btf_params(proto);
	for (size_t i = 0; i < n; i++)
		if (letter(btf, param[i].type) != place->type[i + 1])
			return DIFFERS;
	return FITS;
}

/* The end of the places that have the same choice as FIRST. */
static const struct wq_hook_place *end_of(const struct wq_hook_place *first)
{
	const struct wq_hook_place *p = first + 1;

	while (first->choice && p->choice && !strcmp(first->choice, p->choice))
		p++;
	return p;
}

static bool may_be(const struct wq_hook_place *place, enum wq_hook_way way)
{
	if (way == WQ_HOOK_PROBE)
		return !(place->programs & WQ_HOOK_TYPED);
	return strlen(place->type) - 1 <= TRAMPOLINE_ARGS;
}

/* The first of FIRST to END that fits WAY. NULL: none. */
static const struct wq_hook_place *first_fit(const struct btf *btf,
	const struct wq_hook_place *first, const struct wq_hook_place *end,
	enum wq_hook_way way)
{
	for (const struct wq_hook_place *p = first; p < end; p++)
		if (may_be(p, way) && fits(btf, p) == FITS)
			return p;
	return NULL;
}

bool wq_hook_places_choose(const struct btf *btf, bool trampolines,
	enum wq_hook_way ways[WQ_HOOK_PLACES_MAX], char *why, size_t why_size)
{
	const struct wq_hook_place *first, *end, *place;

	assert(ARRAY_SIZE(wq_hook_places) <= WQ_HOOK_PLACES_MAX);
	memset(ways, 0, WQ_HOOK_PLACES_MAX * sizeof(ways[0]));
	for (first = wq_hook_places; first->function; first = end) {
		enum wq_hook_way way = WQ_HOOK_TRAMPOLINE;

		end = end_of(first);
		place = trampolines ? first_fit(btf, first, end, way) : NULL;
		if (!place) {
			way = WQ_HOOK_PROBE;
			place = first_fit(btf, first, end, way);
		}
		if (!place) {
			snprintf(why, why_size, "this kernel's %s() %s", end[-1].function,
				fits(btf, end - 1) == ABSENT ? "cannot be hooked"
							     : "is not what it should be");
			return false;
		}
		ways[place - wq_hook_places] = way;
	}
	return true;
}
