/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * Which keyrings a thread means by the special ones (KEY_SPEC_...), and where request_key()
 * links what it makes, read from the thread's credentials.
 */
#ifndef WQ_HOOK_KEYRINGS_H
#define WQ_HOOK_KEYRINGS_H

#include "hook_trees.h"

static __always_inline __s32 serial_of(const struct key *key)
{
	return key ? BPF_CORE_READ(key, serial) : 0;
}

/* What is read of NULL is 0. A test for it would have the verifier follow each way through the
 * callers once more, which is more than it can. */
static __noinline __s32 users_serial(const struct cred *cred, bool of_session)
{
	return BPF_CORE_READ(users_keyring(cred, of_session), serial);
}

/* The keyring of the process that asked for the key for which this thread has the authority. */
static __always_inline __s32 requestors_keyring(const struct cred *cred)
{
	struct key *authority = BPF_CORE_READ(cred, request_key_auth);
	struct request_key_auth *auth;

	if (!authority)
		return 0;
	auth = BPF_CORE_READ(authority, payload.data[0]);
	return auth ? serial_of(BPF_CORE_READ(auth, dest_keyring)) : 0;
}

/* The serial of the keyring that ID, KEY_SPEC_* of <linux/keyctl.h>, stands for; 0: there is
 * none. */
static __noinline __s32 resolve(const struct cred *cred, __s32 id)
{
	switch (id) {
	case -1:
		return serial_of(BPF_CORE_READ(cred, thread_keyring));
	case -2:
		return serial_of(BPF_CORE_READ(cred, process_keyring));
	case -3: {
		struct key *session = BPF_CORE_READ(cred, session_keyring);

		return session ? serial_of(session) : users_serial(cred, true);
	}
	case -4:
		return users_serial(cred, false);
	case -5:
		return users_serial(cred, true);
	case -7:
		return serial_of(BPF_CORE_READ(cred, request_key_auth));
	case -8:
		return requestors_keyring(cred);
	default:
		return 0;
	}
}

/* Where request_key() links a key that it makes, without a destination:
 * construct_get_dest_keyring(), with KEY_REQKEY_DEFL_* of <linux/keyctl.h>. */
static __always_inline __s32 default_keyring(const struct cred *cred)
{
	__s32 ring = 0;

	switch (BPF_CORE_READ(cred, jit_keyring)) {
	case 0:
	case 7:
		ring = requestors_keyring(cred);
		if (ring)
			return ring;
		/* fall through */
	case 1:
		ring = resolve(cred, -1);
		if (ring)
			return ring;
		/* fall through */
	case 2:
		ring = resolve(cred, -2);
		if (ring)
			return ring;
		/* fall through */
	case 3:
		return resolve(cred, -3);
	case 4:
		return resolve(cred, -4);
	case 5:
		return resolve(cred, -5);
	default:
		return 0;
	}
}

#endif
