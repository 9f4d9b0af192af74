# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps that change keys. Each function adds one kind of step, or several that belong together, to
a World; it adds nothing if there is nothing to do it with."""
from choices import OPEN, changer, choose, maybe_in_thread, payload, some_key, some_ring, somebody
from steps_queues import watch

PERMISSIONS = (
    "0x3f3f0000 0x3f010000 0x3f3f3f3f 0x3f030000 0x1f1f0000 0x3d3d0000 0x3b3b0000 0x373f0000 "
    "0x2f3f0000 0x3f000000 0x01010000 0x0b0b0000 0x003f0000 0x3f3f0001 0x00000000"
).split()


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


def member(w, ring):
    """A key that may be in the keyring, or any other. No holder: who possesses it by a link can
    have keys held."""
    inside = [k for k in w.living() if ring in k.rings]
    others = w.living(lambda k: not k.special and k not in w.holders)
    return choose(w, inside or others, inside)


def unlink(w):
    ring = some_ring(w)
    key = member(w, ring)
    if key and ring:
        maybe_in_thread(w, f"{changer(w, ring)}unlink {key.ref} {ring.ref}")


def move(w):
    source, to = some_ring(w), some_ring(w)
    key = member(w, source)
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
        ring.revoked = True
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


def search(w):
    """KEYCTL_SEARCH, of a keyring and all below it."""
    key = some_key(w, lambda k: k.desc not in w.twins and k.holder and not k.odd)
    where, ring = some_ring(w), some_ring(w)
    if not key or not where:
        return
    to = "-"
    if ring and w.rng.random() < 0.5:
        to = ring.ref
        key.rings.add(ring)
    who = changer(w, ring or where)
    maybe_in_thread(
        w, f"{who}search {w.new_name('n')} {where.ref} {key.kind} {key.desc} {to}"
    )


def use_thread_keyring(w):
    """What a thread has in its own keyring ends with it, unless it is elsewhere, too."""
    key = some_key(w, lambda k: not k.lasting)
    step = w.rng.choice((f"add {w.new_name('n')} user {w.new_name('d')} x @t", "link", "join"))
    if step == "link":
        if not key:
            return
        step = f"link {key.ref} @t"
    task = w.new_name("t")
    w.do("start", task, step)
    w.do("wait", task)


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
