/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "keys/board.h"

/* What set_robust_list(2) is given: a list with the board's owner as its only futex. It is in
 * shared memory, which the kernel still has when it kills us for want of memory. */
struct wq_board_death {
	struct robust_list_head head;
	struct robust_list owner;
	struct robust_list_head *before; /* the list that the thread had */
	size_t before_size;
};

static void set(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* More reports are wanted than before. */
static void more_wanted(struct wq_board *b)
{
	set(&b->shared->generation, b->shared->generation + 1);
}

/* ---- the end ---- */

static void *shared_page(size_t size)
{
	void *page =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* From now on the kernel marks the board if this thread dies. -errno on failure. */
static int own(struct wq_board *b)
{
	struct wq_board_death *d = b->death = shared_page(sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (syscall(SYS_get_robust_list, 0, &d->before, &d->before_size))
		return -errno;
	d->head.list.next = &d->owner;
	d->owner.next = &d->head.list;
	d->head.futex_offset = (char *)&b->shared->owner - (char *)&d->owner;
	if (syscall(SYS_set_robust_list, &d->head, sizeof(d->head)))
		return -errno;
	set(&b->shared->owner, (uint32_t)gettid());
	return 0;
}

static void disown(struct wq_board *b)
{
	struct wq_board_death *d = b->death;

	if (d && d->head.list.next)
		(void)syscall(SYS_set_robust_list, d->before, d->before_size);
	if (d)
		munmap(d, sizeof(*d));
	b->death = NULL;
}

void wq_board_end(struct wq_board *b)
{
	if (b->shared)
		set(&b->shared->owner, 0);
}

/* ---- life ---- */

/* Makes the segment, which nobody else can attach writable. -errno on failure. */
static int make(struct wq_board *b)
{
	struct shmid_ds ds;
	void *at;
	int r = 0;

	b->segment = shmget(IPC_PRIVATE, sizeof(*b->shared), 0600);
	if (b->segment < 0)
		return -errno;
	at = shmat(b->segment, NULL, 0);
	if (at == (void *)-1)
		r = -errno;
	else
		b->shared = at;
	if (r == 0 && shmctl(b->segment, IPC_STAT, &ds) < 0)
		r = -errno;
	ds.shm_perm.mode = 0444;
	if (r == 0 && shmctl(b->segment, IPC_SET, &ds) < 0)
		r = -errno;
	if (shmctl(b->segment, IPC_RMID, NULL) < 0 && r == 0)
		r = -errno;
	return r;
}

static int fill(struct wq_board *b)
{
	b->counts = calloc(WQFS_BOARD_BITS, sizeof(*b->counts));
	if (!b->counts)
		return -ENOMEM;
	if (getrandom(b->shared->token, sizeof(b->shared->token), GRND_NONBLOCK) !=
		(ssize_t)sizeof(b->shared->token))
		return -EAGAIN;
	return own(b);
}

void wq_board_init(struct wq_board *b)
{
	int r;

	*b = (struct wq_board){0};
	r = make(b);
	if (r == 0)
		r = fill(b);
	if (r == 0)
		return;
	wq_log(WQ_LOG_DEBUG, "there is no board, all is to be reported: %s", strerror(-r));
	wq_board_fini(b);
}

void wq_board_fini(struct wq_board *b)
{
	wq_board_end(b);
	disown(b);
	if (b->shared)
		shmdt(b->shared);
	free(b->counts);
	*b = (struct wq_board){0};
}

/* ---- what is on it ---- */

void wq_board_want(struct wq_board *b, enum wqfs_wanted wanted)
{
	if (!b->shared || b->shared->wanted == wanted)
		return;
	set(&b->shared->wanted, wanted);
	more_wanted(b);
}

void wq_board_add(struct wq_board *b, int32_t serial)
{
	const uint32_t bit = WQFS_BOARD_BIT(serial);

	if (!b->shared)
		return;
	if (b->counts[bit]++ == 0)
		set(&b->shared->bits[bit / 32], b->shared->bits[bit / 32] | 1u << bit % 32);
	set(&b->shared->watched, b->shared->watched + 1);
	more_wanted(b);
}

void wq_board_remove(struct wq_board *b, int32_t serial)
{
	const uint32_t bit = WQFS_BOARD_BIT(serial);

	if (!b->shared)
		return;
	assert(b->counts[bit] && b->shared->watched);
	if (--b->counts[bit] == 0)
		set(&b->shared->bits[bit / 32], b->shared->bits[bit / 32] & ~(1u << bit % 32));
	set(&b->shared->watched, b->shared->watched - 1);
}

int wq_board_place(const struct wq_board *b, struct wqfs_board_place *place)
{
	if (!b->shared)
		return -EOPNOTSUPP;
	*place = (struct wqfs_board_place){.segment = b->segment};
	memcpy(place->token, b->shared->token, sizeof(place->token));
	return 0;
}
