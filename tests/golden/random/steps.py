# SPDX-License-Identifier: LGPL-2.1-or-later
"""The steps of random scenarios, and how often each is taken."""
from choices import OPEN
from steps_ends import begin_session, end_key, join_session, leave_session
from steps_keys import (
    add_badly,
    add_over,
    change_owner,
    clear,
    link,
    link_badly,
    make_key,
    move,
    persistent,
    request,
    request_upcall,
    restrict,
    revoke_session,
    search,
    set_permissions,
    set_timeout,
    unlink,
    update,
    update_often,
    use_thread_keyring,
)
from steps_queues import (
    close_queue,
    new_queue,
    read,
    read_blocking,
    resize,
    set_filter,
    unwatch,
    watch,
    watch_badly,
)

WEIGHTS = (
    (make_key, 9),
    (add_over, 4),
    (add_badly, 1),
    (update, 8),
    (update_often, 3),
    (link, 12),
    (link_badly, 1),
    (unlink, 8),
    (move, 6),
    (clear, 3),
    (revoke_session, 1),
    (set_permissions, 4),
    (set_timeout, 3),
    (change_owner, 3),
    (restrict, 1),
    (request, 5),
    (request_upcall, 6),
    (search, 3),
    (use_thread_keyring, 2),
    (persistent, 1),
    (end_key, 6),
    (begin_session, 3),
    (join_session, 2),
    (leave_session, 2),
    (new_queue, 2),
    (close_queue, 1),
    (set_filter, 3),
    (watch, 9),
    (watch_badly, 1),
    (unwatch, 3),
    (read, 12),
    (resize, 1),
    (read_blocking, 1),
)


def make_holders(w):
    for number in range(2):
        holder = w.add_key(f"h{number}", "keyring", f"holder{number}", None)
        w.holders.append(holder)
        w.do("newring", holder.ref, holder.desc, "@s")
        w.do("setperm", holder.ref, OPEN)
        w.do("link", holder.ref, "@p")


def begin(w):
    make_holders(w)
    w.add_key("ses", "keyring", "", None).special = True
    w.do("key ses @s")
    if w.users:
        own = w.add_key("u1000", "keyring", "", None)
        own.lasting, own.who, own.owner, own.odd = True, "as 1000 ", 1000, True
        w.do("as 1000 key u1000 @u")
        w.do("as 1000 clear u1000")
    for _ in range(2):
        ring = make_key(w, "keyring")
        watch(w, new_queue(w), ring)


def finish(w):
    for queue in w.queues:
        w.do("drain", queue.name)
    if w.users:
        w.do("as 1000 clear u1000")
