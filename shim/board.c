/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#include "board.h"
#include "next.h"
#include "queue_fd.h"
#include "statx.h"

#define OVERFLOW_UID 65534u	 /* what the kernel shows for a user who has no number here */
#define LOOK_NS	     1000000000u /* between two questions which board is that of the mount */

/* A board that was replaced stays attached: another thread may be looking at it. */
static _Atomic(const struct wqfs_board *) attached;
static _Atomic uint64_t asked_ns;      /* when that was asked last; 0: never */
static _Atomic(const char *) asked_of; /* what wqshim_mount() returned then */

static uint32_t get(const __u32 *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

/* The time of the last tick of the clock, which is cheap. */
static uint64_t about_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool is_valid(const struct wqfs_board *board)
{
	uint32_t owner = get(&board->owner);

	return owner && !(owner & FUTEX_OWNER_DIED);
}

/* The user who runs the daemon of MOUNT, its root directory. */
static bool owner_of(int mount, uint32_t *uid)
{
	struct statx st;

	if (wqshim_sys(SYS_statx, mount, (long)"", AT_EMPTY_PATH, STATX_UID, (long)&st))
		return false;
	*uid = st.stx_uid;
	return st.stx_uid != OVERFLOW_UID;
}

/* Is BOARD, which is attached and so will not go, the one at PLACE of MOUNT? Everybody who can
 * open the mount knows the token, and in another IPC namespace can make a segment of that
 * number. So the daemon's user must have made it. */
static bool is_at(
	const struct wqfs_board *board, const struct wqfs_board_place *place, int mount)
{
	struct shmid_ds ds;
	uint32_t uid;

	return shmctl(place->segment, IPC_STAT, &ds) == 0 && ds.shm_segsz >= sizeof(*board) &&
	       owner_of(mount, &uid) && ds.shm_perm.cuid == uid &&
	       memcmp(board->token, place->token, sizeof(board->token)) == 0;
}

static const struct wqfs_board *attach(const struct wqfs_board_place *place, int mount)
{
	const struct wqfs_board *board = shmat(place->segment, NULL, SHM_RDONLY);

	if (board == (void *)-1)
		return NULL;
	if (is_at(board, place, mount))
		return board;
	shmdt(board);
	return NULL;
}

/* The board of the mount, which is OLD if that has not changed; or NULL. */
static const struct wqfs_board *find(const struct wqfs_board *old)
{
	const int saved = errno, mount = wqshim_open_mount();
	const struct wqfs_board *board = NULL;
	struct wqfs_board_place place;

	if (mount < 0) /* as after chroot(), where the mount is the same and has no path */
		return old;
	if (wqshim_sys(SYS_ioctl, mount, WQFS_IOC_GET_BOARD, (long)&place) == 0)
		board = old && memcmp(old->token, place.token, sizeof(old->token)) == 0
				? old
				: attach(&place, mount);
	wqshim_sys(SYS_close, mount);
	errno = saved;
	return board;
}

/* Asks for the board again and returns it. Threads that do this at the same time may each
 * attach it; only one of these stays in use. */
static const struct wqfs_board *ask(const struct wqfs_board *old, uint64_t now_ns)
{
	const struct wqfs_board *board;

	atomic_store(&asked_of, wqshim_mount());
	atomic_store(&asked_ns, now_ns);
	board = find(old);
	if (board == old)
		return board;
	if (atomic_compare_exchange_strong(&attached, &old, board) || !board)
		return board;
	shmdt(board);
	return old;
}

void wqshim_board_look(struct wqshim_seen *seen)
{
	const struct wqfs_board *board = atomic_load(&attached);
	const uint64_t asked = atomic_load_explicit(&asked_ns, memory_order_relaxed);

	seen->at_ns = about_now_ns();
	if (!asked || seen->at_ns - asked >= LOOK_NS ||
		!wqshim_mount_is(atomic_load(&asked_of)))
		board = ask(board, seen->at_ns);
	seen->board = board && is_valid(board) ? board : NULL;
	if (seen->board)
		seen->generation = get(&board->generation);
}

bool wqshim_board_is_unchanged(const struct wqshim_seen *seen)
{
	return seen->board && is_valid(seen->board) &&
	       get(&seen->board->generation) == seen->generation;
}

enum wqfs_wanted wqshim_board_wanted(const struct wqshim_seen *seen)
{
	if (!seen->board)
		return wqshim_mount() ? WQFS_WANTED_ALL : WQFS_WANTED_NONE;
	if (get(&seen->board->watched) == 0)
		return WQFS_WANTED_NONE;
	return (enum wqfs_wanted)get(&seen->board->wanted);
}

bool wqshim_board_may_watch(const struct wqshim_seen *seen, int32_t serial)
{
	const uint32_t bit = WQFS_BOARD_BIT(serial);

	return get(&seen->board->bits[bit / 32]) >> bit % 32 & 1;
}
