# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a scenario has made so far: keys, keyrings, who can change them, queues, watches.

The model does not foretell results: the reference kernel is asked for those. It knows just
enough that what a step means never depends on when the garbage collector runs:

- Every key is in a holder, a keyring that other steps leave alone, until the scenario ends
  the key and waits until it has been collected.
- A key that is revoked, invalidated or has expired is collected, wherever it is linked: the
  scenario waits for that before it does anything else.
- A key is ended only if it is certain that it can be: it may be in no keyring that refuses.
- Only one key ends at a time, as keys that end together do so in the order of their serials,
  which are random. The queues that watch it are read at once.
- No search can find two keys of the same type and description, as the order in which a
  keyring is searched differs from kernel to kernel.
"""


class Key:
    """A key or keyring. RINGS: the keyrings that it may be in, its holder apart."""

    def __init__(self, ref, kind, desc, holder):
        self.ref = ref  # its name in the scenario
        self.kind = kind  # its type
        self.desc = desc
        self.holder = holder
        self.rings = set()
        self.owner = 0
        self.odd = False  # its state or rights were changed: steps on it may fail
        self.may_view = True  # its owner has View, without possessing it
        self.ended = False
        self.revoked = False  # and not collected, as its process keeps it
        self.who = ""  # who surely can change it, as the words in front of a step
        self.special = False  # a process keyring: it cannot be ended by a step
        self.session = ""  # whose keyring it is, if a step has begun that session
        self.lasting = False  # it outlives the scenario, which must leave it as it was

    @property
    def is_ring(self):
        return self.kind == "keyring"


class Queue:
    """A queue; WATCHED: the keys that it may watch."""

    def __init__(self, name):
        self.name = name
        self.watched = set()


class World:
    """A scenario that is being written."""

    def __init__(self, rng):
        self.rng = rng
        self.lines = []
        self.needs = set()
        self.keys = []
        self.holders = []
        self.twins = set()  # descriptions that two keys may have
        self.queues = []
        self.sessions = []
        self.numbers = {}

    def do(self, *words):
        """Adds a step."""
        line = " ".join(" ".join(str(w) for w in words).split())
        self.lines.append(line)

    def new_name(self, prefix):
        """A name that nothing has had."""
        number = self.numbers.get(prefix, 0)
        self.numbers[prefix] = number + 1
        return f"{prefix}{number}"

    def add_key(self, ref, kind, desc, holder):
        key = Key(ref, kind, desc, holder)
        self.keys.append(key)
        return key

    def living(self, test=lambda key: True):
        return [k for k in self.keys if not k.ended and test(k)]

    def rings(self, test=lambda key: True):
        return self.living(lambda k: k.is_ring and test(k))

    def can_end(self, key):
        """Whether it is certain that the key has no more references after an unlink from the
        keyrings that it may be in."""
        return not (key.special or key.lasting or key.ended) and not any(
            r.odd for r in key.rings if not r.ended
        )

    def watchers(self, key):
        return [q for q in self.queues if key in q.watched]

    def text(self):
        head = "".join(f"# needs: {need}\n" for need in sorted(self.needs))
        return head + "".join(line + "\n" for line in self.lines)
