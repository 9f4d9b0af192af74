# SPDX-License-Identifier: LGPL-2.1-or-later
"""The steps of random scenarios. Each function adds one kind of step, or several that belong
together, to a World; it adds nothing if there is nothing to do it with."""
from model import Queue, World

OPEN = "0x3f3f0000"  # its owner has all rights, even without possessing it
PERMISSIONS = (
    "0x3f3f0000 0x3f010000 0x3f3f3f3f 0x3f030000 0x1f1f0000 0x3d3d0000 0x3b3b0000 0x373f0000 "
    "0x2f3f0000 0x3f000000 0x01010000 0x0b0b0000 0x003f0000 0x3f3f0001 0x00000000"
).split()
SIZES = (1, 8, 31, 32, 33, 64, 100, 256)
READ_SIZES = (0, 1, 7, 8, 15, 16, 17, 24, 31, 32, 40, 48, 100, 512, 4096)


# ---- who does a step, to what ----


def somebody(w):
    """The words in front of a step that say who does it."""
    chance = w.rng.random()
    if w.sessions and chance < 0.25:
        return f"in {w.rng.choice(w.sessions)} "
    if w.users and chance > 0.85:
        return "as 1000 "
    return ""


def maybe_in_thread(w, step):
    """Adds STEP, now and then by a thread of its own."""
    if w.rng.random() < 0.05:
        task = w.new_name("t")
        w.do("start", task, step)
        w.do("wait", task)
    else:
        w.do(step)


def choose(w, candidates, favourites=()):
    """One of the candidates, more often one of the favourites; None if there are none."""
    both = [c for c in candidates if c in favourites] if w.rng.random() < 0.6 else []
    candidates = both or list(candidates)
    return w.rng.choice(candidates) if candidates else None


def watched(w):
    return [k for k in w.living() if w.watchers(k)]


def some_key(w, test=lambda key: True):
    """A key that is no holder and no process keyring."""
    return choose(
        w, w.living(lambda k: not k.special and k not in w.holders and test(k)), watched(w)
    )


def some_ring(w, test=lambda key: True):
    """A keyring that may be filled and emptied."""
    return choose(w, w.rings(lambda r: r not in w.holders and test(r)), watched(w))


def changer(w, ring):
    """Who changes a keyring: mostly somebody who surely can."""
    return ring.who if ring.who or w.rng.random() < 0.7 else somebody(w)


def payload(w):
    return "p" + "x" * w.rng.choice((0, 1, 3, 10)) + str(w.rng.randrange(1000))


# ---- keys ----


def description(w, kind):
    """A description and a holder for a new key: sometimes those of another key's twin."""
    if w.rng.random() < 0.3:
        first = choose(
            w, w.living(lambda k: k.kind == kind and k.holder and k.desc not in w.twins)
        )
        if first:
            w.twins.add(first.desc)
            return first.desc, w.holders[first.holder is w.holders[0]]
    desc = w.new_name("d")
    return ("x:" + desc if kind == "logon" else desc), w.rng.choice(w.holders)


def has_alike(w, ring, kind, desc):
    return any(ring in k.rings and (k.kind, k.desc) == (kind, desc) for k in w.keys)


def make_key(w, kind=None):
    kind = kind or w.rng.choice(("user",) * 5 + ("logon",) + ("keyring",) * 3)
    desc, holder = description(w, kind)
    ring = some_ring(w, lambda r: not r.odd and not has_alike(w, r, kind, desc)) or holder
    who = ring.who
    if ring.owner == 0 and not who and w.users and w.rng.random() < 0.25:
        who = "as 1000 "
    ref = w.new_name("r" if kind == "keyring" else "k")
    if kind == "keyring":
        w.do(who, "newring", ref, desc, ring.ref)
    else:
        w.do(who, "add", ref, kind, desc, payload(w), ring.ref)
    key = w.add_key(ref, kind, desc, holder)
    key.owner = 1000 if who.startswith("as") else 0
    if ring is not holder:
        key.rings.add(ring)
        w.do(who, "link", ref, holder.ref)
    if w.rng.random() < 0.6:
        w.do(who, "setperm", ref, OPEN)
    return key


def add_over(w):
    """add_key() for a description that may be there: an update, or another key."""
    key = some_key(w, lambda k: k.kind in ("user", "logon") and k.rings)
    rings = [r for r in w.living() if key and r in key.rings]
    if rings:
        ring = w.rng.choice(rings)
        w.twins.add(key.desc)
        maybe_in_thread(
            w,
            f"{changer(w, ring)}add {w.new_name('n')} {key.kind} {key.desc} "
            f"{payload(w)} {ring.ref}",
        )


def add_badly(w):
    ring = some_ring(w)
    kind, desc = w.rng.choice(
        (("nosuch", "d"), (".dot", "d"), ("logon", "unqualified"), ("keyring", ".dot"))
    )
    w.do(somebody(w), "add", w.new_name("n"), kind, desc, "x", ring.ref if ring else "@s")


def update(w):
    key = some_key(w)
    if key:
        maybe_in_thread(w, f"{somebody(w)}update {key.ref} {payload(w)}")


def update_often(w):
    """More updates than a queue has room for."""
    key = some_key(w, lambda k: k.kind == "user" and k.may_view and not k.odd and k.owner == 0)
    if key and not w.watchers(key):
        watch(w, None, key)
    if key and w.watchers(key):
        w.do("repeat", w.rng.choice((5, 33, 40, 70, 130)), "update", key.ref, "%")


def link(w):
    key, ring = some_key(w), some_ring(w)
    if key and ring:
        key.rings.add(ring)
        maybe_in_thread(w, f"{changer(w, ring)}link {key.ref} {ring.ref}")


def link_badly(w):
    key, to = some_key(w), some_key(w)
    if key and to and not to.is_ring:
        w.do(somebody(w), "link", key.ref, to.ref)


def unlink(w):
    ring = some_ring(w)
    inside = [k for k in w.living() if ring in k.rings]
    key = choose(w, inside or w.living(lambda k: not k.special), inside)
    if key and ring:
        maybe_in_thread(w, f"{changer(w, ring)}unlink {key.ref} {ring.ref}")


def move(w):
    source, to = some_ring(w), some_ring(w)
    inside = [k for k in w.living() if source in k.rings]
    key = choose(w, inside or w.living(lambda k: not k.special), inside)
    if key and source and to:
        key.rings.add(to)
        excl = w.rng.choice(("", "", " excl"))
        maybe_in_thread(
            w, f"{changer(w, source)}move {key.ref} {source.ref} {to.ref}{excl}"
        )


def clear(w):
    ring = some_ring(w, lambda r: r.ref != "ses")
    if ring:
        maybe_in_thread(w, f"{changer(w, ring)}clear {ring.ref}")


def revoke_session(w):
    """Its process keeps the keyring. Any other revoked key is collected: see end_key()."""
    ring = choose(w, w.living(lambda k: k.special and k.who))
    if ring:
        w.do(ring.who, "revoke", ring.ref)


def set_permissions(w):
    key = some_key(w, lambda k: not k.lasting)
    if key:
        perm = w.rng.choice(PERMISSIONS)
        key.may_view = key.may_view and int(perm, 16) & 0x01010000 == 0x01010000
        key.odd = True
        w.do(somebody(w), "setperm", key.ref, perm)


def set_timeout(w):
    key = some_key(w, lambda k: not k.lasting)
    if key:
        w.do(somebody(w), "timeout", key.ref, w.rng.choice((0, 1000, 5000)))


def change_owner(w):
    key = some_key(w, lambda k: not k.lasting)
    owners = ["-1 -1"]
    if w.users:
        owners += ["1000 -1", "0 0", "-1 1000", "1000 1000"]
    ids = w.rng.choice(owners)
    if key:
        if ids != "-1 -1":
            key.odd = True
            key.may_view = False
        w.do(somebody(w), "chown", key.ref, ids)


def restrict(w):
    ring = some_ring(w, lambda r: not r.special and not r.lasting)
    if ring:
        how = w.rng.choice(("", "", "nosuch x", "user x"))
        ring.odd = ring.odd or not how
        w.do(somebody(w), "restrict", ring.ref, how)


def request(w):
    # Where it is refused in one keyring and not in another, the order decides.
    key = some_key(w, lambda k: k.desc not in w.twins and k.holder and not k.odd)
    ring = some_ring(w)
    if not key:
        return
    to, desc = "-", key.desc
    if w.rng.random() < 0.1:
        desc = "nosuch"
    elif ring and w.rng.random() < 0.7:
        to = ring.ref
        key.rings.add(ring)
    who = changer(w, ring) if ring else ""
    maybe_in_thread(w, f"{who}request {w.new_name('n')} {key.kind} {desc} - {to}")


def request_upcall(w):
    """A key that is constructed, or refused, by the program that the kernel runs for that."""
    ring = some_ring(w, lambda r: not r.odd and not r.who)
    if not w.upcalls or not ring:
        return
    how = w.rng.choice(("instantiate", "instantiate", "negate", "reject"))
    ref, desc = w.new_name("k"), w.new_name("d")
    callout = {"instantiate": "instantiate:made", "negate": "negate:1000"}.get(
        how, "reject:1000:129"
    )
    w.do("request", ref, "user", desc, callout, ring.ref)
    if how == "instantiate":
        holder = w.rng.choice(w.holders)
        key = w.add_key(ref, "user", desc, holder)
        key.rings.add(ring)
        w.do("link", ref, holder.ref)


def persistent(w):
    ring = some_ring(w, lambda r: not r.lasting)
    if not ring:
        return
    w.do("persistent p0 -1", ring.ref)
    key = next((k for k in w.keys if k.ref == "p0"), None)
    if not key:
        key = w.add_key("p0", "persistent", "", None)
        key.lasting = True
        key.odd = True
    key.rings.add(ring)


# ---- ends ----


def unlink_everywhere(w, key):
    for ring in sorted(key.rings, key=lambda r: r.ref):
        if not ring.ended:
            w.do(ring.who, "unlink", key.ref, ring.ref)
    w.do("unlink", key.ref, key.holder.ref)


def collected(w, key):
    """Awaits the end of KEY, and reads what its watches got before anything else can."""
    w.do("gone", key.ref)
    key.ended = True
    for queue in w.watchers(key):
        queue.watched.discard(key)
        w.do(w.rng.choice(("drain", "drain", "count")), queue.name)


def end_key(w):
    key = some_key(w, w.can_end)
    if not key:
        return
    ways = ["unlink"]
    if not key.odd and key.owner == 0:
        ways.append("invalidate")
        if w.expiry:
            ways += ["timeout", "revoke"]
    way = w.rng.choice(ways)
    if way == "unlink":
        unlink_everywhere(w, key)
    elif way == "revoke":
        # The collector takes it from keyrings when it next has to, which is at once for a
        # key that is invalidated.
        other = w.new_name("g")
        w.do("add", other, "user collected x", w.holders[0].ref)
        w.do("revoke", key.ref)
        w.do("invalidate", other)
    else:
        w.do(way, key.ref, 1 if way == "timeout" else "")
    collected(w, key)


# ---- sessions ----


def begin_session(w):
    if len(w.sessions) == 2 or w.numbers.get("S", 0) == 4:
        return
    name = w.new_name("S")
    w.do("session", name)
    w.sessions.append(name)
    for special in ["@s"] + w.rng.choice(([], [], ["@p"], ["@t"])):
        ref = w.new_name("s")
        w.do("in", name, "key", ref, special)
        key = w.add_key(ref, "keyring", "", None)
        key.special = True
        key.who = f"in {name} "


def leave_session(w):
    if not w.sessions:
        return
    name = w.rng.choice(w.sessions)
    own = [k for k in w.living() if k.who == f"in {name} "]
    # They are destroyed in the order of their serials: no more than one may be watched.
    for key in [k for k in own if w.watchers(k)][1:]:
        for queue in w.watchers(key):
            queue.watched.discard(key)
            w.do("unwatch", queue.name, key.ref)
    w.sessions.remove(name)
    w.do("leave", name)
    for key in sorted(own, key=lambda k: bool(w.watchers(k))):
        collected(w, key)


# ---- queues ----


def rule(w):
    kind = w.rng.choice((1, 1, 1, 0, 2))
    subtypes = w.rng.choice((0xFF, 0xFF, 0x04, 0x0C, 0x02, 0x80, w.rng.randrange(256)))
    mask, value = w.rng.choice(((0, 0), (0, 0), (0xFF00, 0x0300), (0x0100, 0x0100)))
    return f"{kind}:{subtypes:x}:{mask:x}:{value:x}"


def set_filter(w):
    queue = choose(w, w.queues)
    if queue:
        some = [rule(w) for _ in range(w.rng.choice((1, 1, 2, 3)))]
        w.do("filter", queue.name, *w.rng.choice((some, some, ["none"], ["badptr"])))


def new_queue(w):
    if len(w.queues) >= 4 or w.numbers.get("q", 0) >= 8:
        return None
    queue = Queue(w.new_name("q"))
    w.do("queue", queue.name)
    w.do("size", queue.name, w.rng.choice(SIZES))
    if w.rng.random() < 0.25:
        w.do("filter", queue.name, *[rule(w) for _ in range(w.rng.choice((1, 2)))])
    w.queues.append(queue)
    return queue


def close_queue(w):
    if len(w.queues) > 1:
        queue = w.rng.choice(w.queues)
        w.queues.remove(queue)
        w.do("close", queue.name)


def viewer(w, key):
    """Who may watch KEY without possessing it."""
    if key.owner == 1000:
        return "as 1000 "
    return key.who if key.special else ""


def watch(w, queue=None, key=None):
    queue = queue or choose(w, w.queues)
    key = key or choose(w, w.living(lambda k: k.may_view))
    if queue and key:
        number = w.rng.choice((0, 1, 2, 3, 255, w.rng.randrange(256)))
        queue.watched.add(key)
        # a session has the queues that were made before it
        who = viewer(w, key)
        w.do("" if who.startswith("in") else who, "watch", queue.name, key.ref, number)


def watch_badly(w):
    queue = choose(w, w.queues)
    key = choose(w, [k for k in w.keys if k.ended])
    if queue and key:
        w.do("watch", queue.name, key.ref, 1)
    elif queue:
        w.do("watch", queue.name, "@s", w.rng.choice((-2, 256)))


def unwatch(w):
    queue = choose(w, w.queues)
    key = queue and choose(w, w.living(lambda k: k.may_view and not viewer(w, k)), queue.watched)
    if key:
        queue.watched.discard(key)
        w.do("unwatch", queue.name, key.ref)


def read(w):
    queue = choose(w, w.queues)
    if not queue:
        return
    how = w.rng.choice(("read", "read", "drain", "count", "poll", "fionread"))
    w.do(how, queue.name, w.rng.choice(READ_SIZES) if how == "read" else "")


def resize(w):
    queue = choose(w, w.queues)
    if queue:
        w.do("size", queue.name, w.rng.choice(SIZES))


def read_blocking(w):
    """A reader that waits in a thread until something happens."""
    if "b" in w.numbers:
        return
    w.new_name("b")
    w.do("add kb user blocked x", w.holders[0].ref)
    w.do("queue b blocking")
    w.do("size b 32")
    w.do("watch b kb 9")
    w.do("start reader read b", w.rng.choice((16, 100)))
    w.do("running reader")
    w.do("update kb y")
    w.do("wait reader")


# ---- whole scenarios ----

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
    (persistent, 1),
    (end_key, 6),
    (begin_session, 3),
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
