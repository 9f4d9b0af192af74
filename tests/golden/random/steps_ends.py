# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps that end keys, and sessions with their keyrings; as steps_keys.py has them."""
from choices import choose, some_key


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


def add_special(w, session, special):
    ref = w.new_name("s")
    w.do("in", session, "key", ref, special)
    key = w.add_key(ref, "keyring", "", None)
    key.special = True
    key.who = f"in {session} "
    key.session = session if special == "@s" else ""


def begin_session(w):
    if len(w.sessions) == 2 or w.numbers.get("S", 0) == 4:
        return
    name = w.new_name("S")
    w.do("session", name)
    w.sessions.append(name)
    for special in ["@s"] + w.rng.choice(([], [], ["@p"], ["@t"])):
        add_special(w, name, special)


def join_session(w):
    """The process of a session begins another one; nothing else has the old keyring."""
    name = choose(w, w.sessions)
    if name:
        old = next(k for k in w.living() if k.session == name)
        w.do("in", name, "join")
        collected(w, old)
        add_special(w, name, "@s")


def leave_session(w):
    if not w.sessions:
        return
    name = w.rng.choice(w.sessions)
    own = [k for k in w.living() if k.who == f"in {name} "]
    # They are destroyed in the order of their serials: no more than one may be watched.
    watched = sorted((k for k in own if w.watchers(k)), key=lambda k: not k.revoked)
    if len(watched) > 1 and watched[1].revoked:  # such a watch cannot be removed
        return
    for key in watched[1:]:
        for queue in w.watchers(key):
            queue.watched.discard(key)
            w.do("unwatch", queue.name, key.ref)
    w.sessions.remove(name)
    w.do("leave", name)
    for key in sorted(own, key=lambda k: bool(w.watchers(k))):
        collected(w, key)
