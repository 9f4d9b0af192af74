# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps that a mount which only polls can tell from each other, if it scans after every step:
each succeeds, leaves something different from before, and changes one thing. The model knows
all keyrings exactly here: KEY.inside has those that the key is in."""
import steps
import steps_queues
from choices import OPEN, choose, watched
from steps_ends import begin_session, collected, leave_session

OTHERS = ("0x3f3f0001", "0x3f3f0101", "0x3f3f3f00")


def keys(w, test=lambda key: True):
    return w.living(lambda k: k.holder and test(k))


def some_ring(w, test=lambda ring: True):
    return choose(w, keys(w, lambda k: k.is_ring and test(k)), watched(w))


def fits(key, ring):
    """Whether a link succeeds and is new. Rings go into older ones only: there are no cycles."""
    return ring not in key.inside and (not key.is_ring or w_index(ring) < w_index(key))


def w_index(ring):
    return int(ring.ref[1:])


def make_key(w, kind=None):
    kind = kind or w.rng.choice(("user", "user", "keyring"))
    holder = w.rng.choice(w.holders)
    ring = some_ring(w) or holder
    prefix, word = ("r", "newring") if kind == "keyring" else ("k", "add")
    ref, desc = w.new_name(prefix), w.new_name("d")
    rest = "" if kind == "keyring" else w.new_name("p")
    w.do(word, ref, kind if rest else "", desc, rest, ring.ref)
    key = w.add_key(ref, kind, desc, holder)
    key.inside = {ring} - {holder}
    key.perm = OPEN
    w.do("link", ref, holder.ref)
    w.do("setperm", ref, OPEN)
    return key


def somebody(w):
    """Every key is open to its owner, whatever the session."""
    chance = w.rng.random()
    return f"in {w.rng.choice(w.sessions)} " if w.sessions and chance < 0.3 else ""


def update(w):
    key = choose(w, keys(w, lambda k: k.kind == "user"), watched(w))
    if key:
        w.do(somebody(w), "update", key.ref, w.new_name("p"))


def link(w):
    ring = some_ring(w)
    key = ring and choose(w, keys(w, lambda k: fits(k, ring)))
    if key:
        key.inside.add(ring)
        w.do(somebody(w), "link", key.ref, ring.ref)


def unlink(w):
    key = choose(w, keys(w, lambda k: k.inside))
    if key:
        ring = min(key.inside, key=lambda r: r.ref)
        key.inside.discard(ring)
        w.do(somebody(w), "unlink", key.ref, ring.ref)


def move(w):
    to = some_ring(w)
    key = to and choose(w, keys(w, lambda k: k.inside and fits(k, to)))
    if key:
        source = min(key.inside, key=lambda r: r.ref)
        key.inside.discard(source)
        key.inside.add(to)
        w.do(somebody(w), "move", key.ref, source.ref, to.ref)


def clear(w):
    """One member less looks like an unlink."""
    ring = some_ring(w, lambda r: sum(r in k.inside for k in keys(w)) > 1)
    if ring:
        for key in keys(w):
            key.inside.discard(ring)
        w.do(somebody(w), "clear", ring.ref)


def set_permissions(w):
    key = choose(w, keys(w), watched(w))
    if key:
        key.perm = w.rng.choice([p for p in (OPEN, *OTHERS) if p != key.perm])
        w.do(somebody(w), "setperm", key.ref, key.perm)


def request(w):
    ring = some_ring(w)
    key = ring and choose(w, keys(w, lambda k: fits(k, ring)))
    if key:
        key.inside.add(ring)
        w.do("request", w.new_name("n"), key.kind, key.desc, "-", ring.ref)


def end_key(w):
    key = choose(w, keys(w), watched(w))
    if key:
        for ring in sorted(key.inside, key=lambda r: r.ref):
            w.do("unlink", key.ref, ring.ref)
        w.do("unlink", key.ref, key.holder.ref)
        collected(w, key)
        for other in keys(w):
            other.inside.discard(key)


def watch(w, queue=None, key=None):
    queue = queue or choose(w, w.queues)
    key = key or choose(w, keys(w), keys(w, lambda k: k.is_ring))
    if queue and key:
        queue.watched.add(key)
        w.do("watch", queue.name, key.ref, w.rng.randrange(256))


WEIGHTS = (
    (make_key, 8),
    (update, 10),
    (link, 10),
    (unlink, 8),
    (move, 8),
    (clear, 4),
    (set_permissions, 4),
    (request, 4),
    (end_key, 5),
    (begin_session, 2),
    (leave_session, 1),
    (steps_queues.new_queue, 2),
    (steps_queues.close_queue, 1),
    (steps_queues.set_filter, 2),
    (watch, 9),
    (steps_queues.unwatch, 3),
    (steps_queues.read, 12),
    (steps_queues.resize, 1),
)


def begin(w):
    steps.make_holders(w)
    for _ in range(2):
        ring = make_key(w, "keyring")
        watch(w, steps_queues.new_queue(w), ring)
