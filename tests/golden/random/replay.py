# SPDX-License-Identifier: LGPL-2.1-or-later
"""Replays scenarios on wqfs."""
import contextlib
import dataclasses
import os
import pwd
import re
import shutil
import sys
import tempfile

from corpus import read, split, write
from processes import call, call_all, check_call, nap, start
from upcalls import constructed_by

GC_DELAY = "/proc/sys/kernel/keys/gc_delay"
FIRST_USER = 1000  # the second user of the scenarios; the next lane has the next one
SOURCE_XATTR = "user.wqfs.source"

# How a mount learns of changes: the options of the scenario runner and of wqfs, and what
# scenarios may need of it.
SOURCES = {
    "kernel": ("-w", "kernel", "operations payloads threads"),
    "kernel-fentry": ("-w", "kernel-fentry", "operations payloads threads"),
    "kernel-kprobe": ("-w", "kernel-kprobe", "operations payloads threads"),
    "kernel-syscalls": ("-w", "kernel-syscalls", "operations payloads threads"),
    "trace": ("-w", "trace", "operations payloads"),
    "report": ("-r", "poll", "operations payloads threads"),
    "poll": ("", "poll", "payloads"),
}
NEGATIVE = ("negate:", "reject:")  # what the callout information of such a request begins with
WQRUN = "wqrun"  # the kernel's own calls, by an ordinary user under wqrun
SESSIONS = ("other", "same")
OWNER_VIEW = 0x00010000  # KEY_USR_VIEW
OWNER_SEES = 0x00030000  # and KEY_USR_READ


class Unavailable(Exception):
    """A source cannot be had here; the reason."""


class Broken(Exception):
    """A wqfs has failed; what it said."""


@contextlib.contextmanager
def alone():
    """The collector's delay is the whole machine's, as the keyring of the second user is: one at a
    time."""
    with open(GC_DELAY, encoding="ascii") as lock:
        check_call(["flock", str(lock.fileno())], pass_fds=(lock.fileno(),))
        yield


def can_collect(change):
    """Whether keys that expire are collected at once, or that can be had by a CHANGE."""
    return int(read(GC_DELAY)) == 0 or (change and os.access(GC_DELAY, os.W_OK))


@contextlib.contextmanager
def collected_at_once():
    """For scenarios that need it. Revoked keys are collected after the same delay, but only when
    any program invalidates a key, or one expires: those of other scenarios must stay."""
    old = read(GC_DELAY)
    if int(old):
        write(GC_DELAY, "0\n")
    try:
        yield
    finally:
        if int(old):
            write(GC_DELAY, old)


def needs(scenario):
    lines = re.findall("^# needs: (.*)", read(scenario), re.M)
    return {need for line in lines for need in line.split()}


def moves_in_sight(scenario):
    """Whether a queue watches both keyrings of a move. A scan finds the two changes of it in the
    order in which it comes to the keyrings."""
    watched = {}
    for line in read(scenario).splitlines():
        words = line.split()
        if words[0] == "watch":
            watched.setdefault(words[1], set()).add(words[2])
        elif "move" in words:
            at = words.index("move")
            if any(set(words[at + 2 : at + 4]) <= keys for keys in watched.values()):
                return True
    return False


def watches_named_keyring(scenario):
    """Whether a process or thread keyring is watched. Any process of the user may mean it by @p or
    @t, and for one that the trace cannot rule out it gives a LOSS."""
    named = set()
    for line in read(scenario).splitlines():
        words = line.split()
        if words[-3:-2] == ["key"] and words[-1] in ("@p", "@t"):
            named.add(words[-2])
        elif words[:1] == ["watch"] and words[2] in named:
            return True
    return False


def bare(words):
    """A step without the words that say who does it."""
    return bare(words[2:]) if words[0] in ("as", "in", "start", "repeat") else words


def hides_a_namesake(scenario):
    """Whether a key that only its possessor may view is linked or unlinked where another one of its
    type and description may be. A wqfs that cannot read its name does not know that the step on
    the other one took it, and does not believe so of who reports."""
    named, hidden, linked = {}, set(), set()
    for line in read(scenario).splitlines():
        what, *rest = bare(line.split())
        if what in ("add", "newring"):
            kind, desc = rest[1:3] if what == "add" else ("keyring", rest[1])
            named.setdefault((kind, desc), set()).add(rest[0])
            linked.add((rest[0], rest[-1]))
        elif what in ("link", "unlink", "move"):
            linked.update((rest[0], ring) for ring in rest[1:])
        elif what == "setperm" and not int(rest[1], 16) & OWNER_VIEW:
            hidden.add(rest[0])
    for same in named.values():
        for one in same & hidden:
            rings = {ring for key, ring in linked if key == one}
            if any(key in same - {one} and ring in rings for key, ring in linked):
                return True
    return False


def links_a_negative_key(what, rest):
    return what == "request" and rest[3].startswith(NEGATIVE) and rest[4] != "-"


def hides_a_negative_key(scenario):
    """Whether a request that fails links a negative key into a keyring whose members only its
    possessor may read. Who made the request does not learn the key's serial, and a wqfs that
    cannot see it either gives a LOSS."""
    visible = {"ses"}
    for line in read(scenario).splitlines():
        what, *rest = bare(line.split())
        if what == "setperm" and int(rest[1], 16) & OWNER_SEES == OWNER_SEES:
            visible.add(rest[0])
        elif links_a_negative_key(what, rest) and rest[4] not in visible:
            return True
    return False


def has_a_negative_key(scenario):
    """The trace tells that a request fails, and the keyring some time after that which key it has
    linked: then more may have happened."""
    steps = (bare(line.split()) for line in read(scenario).splitlines())
    return any(links_a_negative_key(what, rest) for what, *rest in steps)


def hides_something(scenario):
    return hides_a_namesake(scenario) or hides_a_negative_key(scenario)


def is_up(directory, below):
    """Whether a wqfs is mounted on DIRECTORY, which was on device BELOW, and has its source: until
    then it may still end, because the source cannot be had."""
    try:
        if os.stat(directory).st_dev == below:
            return False
        return b"(starting)" not in os.getxattr(directory, SOURCE_XATTR)
    except OSError:  # it is ending
        return False


# Scenarios that a source leaves out, whatever they say that they need.
LEFT_OUT = {
    "poll": moves_in_sight,
    "trace": lambda s: watches_named_keyring(s) or has_a_negative_key(s),
    "report": hides_something,
    WQRUN: hides_something,
}


# Sources that learn of the construction of keys from system calls, which tell little of it.
TAKE_TURNS = ("kernel", "kernel-syscalls")


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to replay: how wqfs learns of changes, whether its session is the SAME as that of the
    scenarios or another one, the directory that it was built in, whether the collector's delay may
    be changed, and how many scenarios are replayed side by side."""

    source: str
    session: str = "other"
    build: str = dataclasses.field(default_factory=os.getcwd)
    delay: bool = True
    lanes: int = 1

    def __str__(self):
        return self.source if self.session == "other" else f"{self.source}, same session"

    def built(self, *path):
        return os.path.join(self.build, *path)

    def features(self, gc, upcall):
        by_wqrun = self.source == WQRUN
        some = set(("operations payloads pipe threads" if by_wqrun else SOURCES[self.source][2]).split())
        # of a user who may do something only by possessing a key a report is not believed
        if os.getuid() == 0 and not by_wqrun and self.source != "report":
            some.add("root")
        if gc:
            some.add("gc")
        if upcall:
            some.add("upcall")
        return some

    def environment(self):
        """For wqrun: its parts, and that a sanitized program does not refuse its library."""
        return dict(
            os.environ,
            WQRUN_DAEMON=self.built("wqfs"),
            WQRUN_SHIM=self.built(".libs/libwqshim.so"),
            ASAN_OPTIONS="verify_asan_link_order=0",
        )

    def run_part(self, runners, paths, out):
        """Each of the RUNNERS replays some of the scenarios. What they complain of is added to
        OUT/complaints, and goes to stderr."""
        some = [paths[number :: len(runners)] for number in range(len(runners))]
        commands = [[*words, *lane] for words, lane in zip(runners, some) if lane]
        with open(f"{out}/complaints", "a+", encoding="utf-8", errors="replace") as complaints:
            before = complaints.tell()
            done = call_all(commands, stderr=complaints, env=self.environment())
            for status, _ in done:
                if status:
                    print(f"the runner has ended with {status}", file=complaints, flush=True)
            complaints.seek(before)
            sys.stderr.write(complaints.read())
        for _, output in done:
            split(output, out)

    def run_beside(self, runners, paths, out):
        """A request that fails gets a LOSS from system calls alone if anybody constructs a key
        meanwhile, so that those who do take turns."""
        constructing = [path for path in paths if "upcall" in needs(path)]
        if self.source not in TAKE_TURNS:
            constructing = []
        self.run_part(runners, [path for path in paths if path not in constructing], out)
        self.run_part(runners[:1], constructing, out)

    def run_scenarios(self, runners, paths, out):
        expiring = [path for path in paths if "gc" in needs(path)]
        self.run_beside(runners, [path for path in paths if path not in expiring], out)
        if expiring:
            with collected_at_once():
                self.run_beside(runners, expiring, out)

    @contextlib.contextmanager
    def mounted(self, log):
        """A wqfs, whose messages are added to file LOG; gives its directory."""
        directory = tempfile.mkdtemp(prefix="wqfs-random.")
        options = f"source={SOURCES[self.source][1]}"
        if os.getuid() == 0:
            options += ",allow_other"
        words = [self.built("wqfs"), "-f", "-o", options, directory]
        if self.session != "same":
            words = ["keyctl", "session", "-", *words]
        below = os.stat(directory).st_dev
        with open(log, "a", encoding="utf-8") as stderr:
            with start(words, stderr=stderr) as daemon:
                try:
                    while not is_up(directory, below):
                        if daemon.poll() is not None:
                            raise Unavailable(read(log).strip().split("\n")[-1])
                        nap(0.01)
                    yield directory
                finally:
                    ended = daemon.poll()
                    daemon.terminate()
                    daemon.wait()
                    # a scenario makes files there if no wqfs is mounted any more
                    shutil.rmtree(directory)
        if daemon.returncode or ended is not None:
            raise Broken(f"{read(log)}wqfs has ended with {daemon.returncode}")

    def as_user(self, number):
        """The words that run the rest as somebody ordinary, without the kernel's facility: for each
        lane somebody else, since a user's keys have a quota. They need a name, for fusermount3."""
        if os.getuid() != 0:
            return []
        # not who takes part in scenarios, nor people
        users = {user.pw_uid for user in pwd.getpwall() if user.pw_uid not in range(1000, 65534)}
        user = str(sorted(users - {0}, reverse=True)[number % len(users - {0})])
        words = [self.built("tests/deny_facility"), "-u", user]
        for test in (["test", "-w", "/dev/fuse"], ["test", "-x", self.built("wqrun")]):
            if call([*words, *test])[0]:
                raise Unavailable(f"user {user} fails: {' '.join(test)}")
        return words

    def replay(self, corpus, some, out, count=0):
        """Replays the scenarios SOME of CORPUS, their output into directory OUT: the first COUNT
        of those whose needs are met, or all of them. Returns their names."""
        runner = self.built("tests/scenario/scenario")
        somebody = self.as_user(0) if self.source == WQRUN else []
        with alone(), constructed_by(runner, somebody) as upcall:
            can = self.features(can_collect(self.delay), upcall)
            some = [n for n in some if needs(f"{corpus}/{n}.scn") <= can]
            if self.source in LEFT_OUT:
                some = [n for n in some if not LEFT_OUT[self.source](f"{corpus}/{n}.scn")]
            some = some[:count] if count else some
            paths = [f"{corpus}/{n}.scn" for n in some]
            if paths and self.source == WQRUN:
                words = [self.built("wqrun"), "-p", runner]
                runners = [[*self.as_user(number), *words] for number in range(self.lanes)]
                self.run_scenarios(runners, paths, out)
            elif paths:
                words = [runner, *SOURCES[self.source][0].split()]
                if "-w" in words:
                    words += ["-e", corpus]
                with contextlib.ExitStack() as stack:
                    places = [
                        stack.enter_context(self.mounted(f"{out}/log")) for _ in range(self.lanes)
                    ]
                    runners = [
                        [*words, "-u", str(FIRST_USER + number), "-f", place]
                        for number, place in enumerate(places)
                    ]
                    self.run_scenarios(runners, paths, out)
        return some
