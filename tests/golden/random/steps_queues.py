# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps with queues and watches; as steps_keys.py has them."""
from choices import choose
from model import Queue

SIZES = (1, 8, 31, 32, 33, 64, 100, 256)
READ_SIZES = (0, 1, 7, 8, 15, 16, 17, 24, 31, 32, 40, 48, 100, 512, 4096)


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
