# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who does a step, to what."""

OPEN = "0x3f3f0000"  # its owner has all rights, even without possessing it


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
