#!/usr/bin/env python3
"""Killed at each of its system calls: after each death the world must be in order, and what is left gets done.

	deaths.py KIND[:EVERY]...		KIND=N: at N of its calls; KIND@N: only at call N

A run at -j4 of a composite: a step that succeeds when it is tried again, one that takes too long at first, one that leaves
a daemon behind, a loop over what an earlier step returned, a step that is tried until it succeeds, and one that runs finally.  It is first watched, to
learn how many calls there are; then it is repeated once for each, and at the entry of that call somebody dies of SIGKILL:
  driver, warden     the one whose call it is; `both`, `guard`: at the driver's, at the warden's call, both of them
  cancel             as driver, of a run that gets a SIGINT on its way
  finish             as driver, with on_driver_death: finish; what runs ends by itself and every exit is known
  resume, retry      the driver (resume: with its warden) of a start that goes on with a run that such a death has left
  apply              the driver, with its warden, of an apply of a plan
  gc                 a gc that has something to remove
  ahead...           driver, warden, both, guard, of a run at -j2 of twelve plain steps, which are held ahead
  all                each of these
EVERY: only every so many-th call, beginning at a random one (TEST_SEED).  After each:
  - nothing that it started is left: at once, and where both died as soon as orchmake has started again
  - doctor and fsck find nothing wrong; no run is left open
  - what the ledger says of each attempt is what the attempt wrote down itself; only of what was killed it may be that
    nobody saw it end
  - `resume` finishes exactly what is left: in the end each step has succeeded once
  - no file is left that does not belong there
Prints TAP.
"""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import history  # noqa: E402  (beside this file)
import marked  # noqa: E402
import project  # noqa: E402
from project import ATCALL, ORCHMAKE, SEED, STEP  # noqa: E402

MARK = "DEATH_MARK"
TIME_S = 120
GONE_WITHIN_S = 30
CANNOT = 77
KILLED = 128 + 9
STEPS = ["dag/a", "dag/b", "dag/c", "dag/d", "dag/e", "loop/list", "loop/each[1]", "loop/each[2]", "loop/last", "loop/tidy", "wait"]
AHEAD = [f"all/s{i}" for i in range(12)]
OWN = r"Jobfile|history|interrupt|plan\.json"


def jobfile(folder, kind):
    def work(ms, codes="0", escapes=0):
        return [STEP, os.path.join(folder, "history"), str(ms), codes, str(escapes)]

    if kind.ahead:
        return {"jobfile": 1, "defaults": {"on_lost": "retry"},
                "jobs": {"all": {"steps": {name.split("/")[1]: {"argv": work(i % 3)} for i, name in enumerate(AHEAD)}}}}
    lists = ["sh", "-c", 'echo "l=[1,2]" >>"$ORCHMAKE_OUTPUT"; exec "$@"', "sh"] + work(0)
    return {
        "jobfile": 1,
        "defaults": {"on_lost": "retry", "grace": "50ms"},
        "jobs": {
            "all": {"stages": [{"name": "one", "jobs": ["dag", "loop"]}, {"name": "two", "jobs": ["wait"]}],
                    "on_driver_death": "finish" if kind.finish else "kill"},
            "dag": {"steps": {
                "a": {"argv": work(1)},
                "b": {"argv": work(2, "3,0"), "needs": ["a"], "retry": {"max": 1, "delay": "1ms"}},
                "c": {"argv": work(3, "0", 1), "needs": ["a"]},
                "d": {"argv": work(0), "needs": ["b", "c", "e"]},
                "e": {"argv": work("10000,0"), "timeout": "100ms", "retry": 9},
                **({"i": {"argv": ["sh", "-c", 'test -e interrupt || { : >interrupt; sleep 100; }; exec "$@"', "sh"] + work(0), "needs": ["a"]}}
                   if kind.interrupts else {}),
            }},
            "loop": {
                "steps": {
                    "list": {"argv": lists, "provides": {"l": {"type": "json"}}},
                    "each": {"foreach": {"n": "${{ consumes.l }}"}, "consumes": ["l"], "argv": work(4)},
                    "last": {"needs": ["each"], "argv": work(0)},
                },
                "finally": [{"id": "tidy", "argv": work(0)}],
            },
            "wait": {"until": {"argv": work(1, "1,0"), "every": "2ms"}},
        },
    }


def query(folder, text):
    db = sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True, timeout=TIME_S)
    try:
        return db.execute(text).fetchall()
    finally:
        db.close()


def is_recorded(folder):
    return os.path.exists(os.path.join(folder, ".orchmake/ledger.db")) and query(folder, "SELECT count(*) FROM v_runs")[0][0] > 0


def strays(folder):
    """Files that do not belong into a project in which nothing runs, and folders of runs."""
    known = {r[0] for r in query(folder, "SELECT run FROM v_runs")}
    return (project.strays(folder, OWN) + below(folder, "runs") +
            [f"logs/{run}" for run in below(folder, "logs") if run not in known])


def below(folder, name):
    path = os.path.join(folder, ".orchmake", name)
    return os.listdir(path) if os.path.isdir(path) else []


def copy(folder, to):
    """There are FIFOs in it."""
    subprocess.run(["cp", "-a", folder, to], check=True)


class World:
    """A folder, always of the same name, as the ledger has paths in it."""

    def __init__(self, base, kind):
        self.folder = os.path.join(base, "project")
        self.saved = os.path.join(base, "saved")
        self.report = os.path.join(base, "report")
        self.kind = kind
        self.mark = f"{os.getpid()}"
        self.env = project.environment(**{MARK: self.mark})

    def interrupt(self, process):
        """The driver, a child of process, once a step asks for it."""
        while process.poll() is None:
            if os.path.exists(os.path.join(self.folder, "interrupt")):
                with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
                    drivers = f.read().split()
                if drivers:
                    os.kill(int(drivers[0]), signal.SIGINT)
                return
            time.sleep(0.002)

    def orchmake(self, *words, before=()):
        """(exit code or None, what it said)"""
        p = project.begin([*before, ORCHMAKE, "-C", self.folder, *words], self.env)
        if before and self.kind.interrupts:
            self.interrupt(p)
        return project.end(p, TIME_S)

    def at_call(self, who, number, what, *words):
        """The same, and (calls, which)."""
        code, said = self.orchmake(*words, before=(ATCALL, who, str(number), what, self.report))
        if code == CANNOT:
            raise Skipped(f"cannot trace here: {said.strip()[:100]!r}")
        try:
            with open(self.report) as f:
                calls, which = map(int, f.read().split())
        except FileNotFoundError:
            calls = which = -1
        return code, said, calls, which

    def fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.isdir(self.saved):
            copy(self.saved, self.folder)
            return
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "Jobfile"), "w") as f:
            json.dump(jobfile(self.folder, self.kind), f)

    def left(self):
        left = marked.until_gone(MARK, self.mark, self.folder, GONE_WITHIN_S)
        who = [marked.describe(pid) for pid in left]
        marked.end(left)
        return who


class Skipped(Exception):
    pass


# --- what is repeated ------------------------------------------------------------------------------------------------

class Kind:
    """A run that is killed."""
    who, what, finish, words = "driver", "kill", False, ("-s", "-j4", "all")
    may_be = ("interrupted",)  # of what was under way
    codes = (KILLED,)
    forgets = False  # runs
    interrupts = False
    steps, again = STEPS, ()  # again: may have succeeded more than once
    undisturbed = 0  # exit code
    ahead = False  # plain steps, which begin in each other's place

    def prepare(self, world):
        """The state that every repetition begins with."""

    def go_on(self, world):
        """What a person would do next, and what must come of it."""
        return world.orchmake("-s", "-j4", *(("resume",) if is_recorded(world.folder) else ("all",)))

    def missing(self, world):
        states = query(world.folder, "SELECT step, state, count(*) FROM v_attempts WHERE state = 'succeeded' GROUP BY step")
        won = {step: n for step, _, n in states if step not in self.again}
        if won != {step: 1 for step in self.steps if step not in self.again}:
            yield f"these succeeded so often: {won}"

    def complaints(self, world):
        yield from self.missing(world)
        result = query(world.folder, "SELECT result FROM runs JOIN run_texts ON run = no ORDER BY no DESC LIMIT 1")[0][0]
        if not json.loads(result)["success"]:
            yield f"the last result says {result}"


class Driver(Kind):
    pass


class Warden(Kind):
    who, may_be, codes = "warden", ("interrupted", "lost"), (0, 1, 5)


class Both(Kind):
    what, may_be = "both", ("interrupted", "lost")


class Guard(Both):
    who = "warden"


class Ahead(Kind):
    ahead, steps, words = True, AHEAD, ("-s", "-j2", "all")

    def complaints(self, world):  # one that died when all of them had ended is not gone on with, and has no result
        yield from self.missing(world)


class AheadWarden(Ahead, Warden):
    pass


class AheadBoth(Ahead, Both):
    pass


class AheadGuard(Ahead, Guard):
    pass


class Cancel(Kind):
    interrupts, codes, undisturbed = True, (KILLED, 130), 130
    steps, again = STEPS + ["dag/i"], ("loop/tidy",)  # what runs finally does so after the cancel, and after the resumption

    def go_on(self, world):
        with open(os.path.join(world.folder, "interrupt"), "w"):
            return super().go_on(world)


class Finish(Kind):
    finish, may_be = True, ()


class Resume(Both):
    """The run was killed in its middle, and so is what goes on with it."""
    words = ("-s", "-j4", "resume")

    def prepare(self, world):
        world.fresh()
        calls = world.at_call("driver", 0, "none", "-s", "-j4", "all")[2]
        world.fresh()
        world.at_call("driver", calls * 3 // 4, "both", "-s", "-j4", "all")
        if world.left() and not is_recorded(world.folder):
            raise SystemExit("Bail out! there is nothing to resume")
        copy(world.folder, world.saved)


class Apply(Both):
    """What a plan says is run; until the run is on record, it can be applied once more."""
    words = ("-s", "-j4", "apply", "plan.json")

    def prepare(self, world):
        world.fresh()
        code, said = world.orchmake("plan", "--out=plan.json", "all")
        if code != 1:
            raise SystemExit(f"Bail out! plan says {code}: {said}")
        copy(world.folder, world.saved)

    def go_on(self, world):
        return world.orchmake("-s", "-j4", "resume") if is_recorded(world.folder) else world.orchmake(*self.words)


class Retry(Kind):
    """It was done, and one of its steps is done again with what comes after it."""
    words = ("-s", "-j4", "retry", "last", "dag/c", "--downstream")

    def prepare(self, world):
        world.fresh()
        world.orchmake("-s", "-j4", "all")
        copy(world.folder, world.saved)

    def complaints(self, world):
        rows = query(world.folder, "SELECT step, count(*) FROM v_attempts WHERE state = 'succeeded' GROUP BY step")
        for step, n in rows:
            if n != 1 and step not in ("dag/c", "dag/d", "wait"):
                yield f"{step} succeeded {n} times"
        if query(world.folder, "SELECT state FROM v_runs ORDER BY run DESC LIMIT 1")[0][0] != "succeeded":
            yield "the last run did not succeed"


class Gc(Kind):
    """Of three runs one stays."""
    words, forgets = ("gc", "--keep=1"), True

    def prepare(self, world):
        world.fresh()
        for _ in range(3):
            world.orchmake("-s", "-j4", "all")
        copy(world.folder, world.saved)

    def go_on(self, world):
        return world.orchmake(*self.words)

    def complaints(self, world):
        runs = query(world.folder, "SELECT run FROM v_runs")
        if len(runs) != 1:
            yield f"the ledger has the runs {runs}"


KINDS = {"driver": Driver, "warden": Warden, "both": Both, "guard": Guard, "cancel": Cancel, "finish": Finish, "resume": Resume, "apply": Apply,
         "retry": Retry, "gc": Gc, "ahead": Ahead, "ahead_warden": AheadWarden, "ahead_both": AheadBoth, "ahead_guard": AheadGuard}


# --- one death -------------------------------------------------------------------------------------------------------

def check_ledger(world, kind):
    for words in (("doctor",), ("fsck",)):
        code, said = world.orchmake(*words)
        if code:
            yield f"{words[0]} says {code}: {said.strip()[-600:]}"
    counts, said = history.Counts(), []
    history.check(world.folder, counts, said.append, kind.may_be, kind.forgets)
    yield from said
    if counts.bad() and not said:
        yield counts.text()


def check(world, kind, code, said):
    if code is None:
        yield "it hung"
    elif code not in kind.codes:
        yield f"exit {code}"
    elif code not in (0, KILLED) and not said.strip():
        yield f"exit {code} and not a word"
    if kind.what != "both":
        yield from (f"process {p} is left" for p in world.left())
    if os.path.exists(os.path.join(world.folder, ".orchmake/ledger.db")):
        yield from check_ledger(world, kind)
        yield from (f"process {p} is left" for p in world.left())
    again, text = kind.go_on(world)
    if again:
        yield f"the next start says {again}: {text.strip()[-600:]}"
        return
    yield from check_ledger(world, kind)
    yield from kind.complaints(world)
    yield from (f"{p} is left" for p in strays(world.folder))


def one_death(world, kind, number):
    """None: there are no so many calls.  Else what is wrong."""
    world.fresh()
    code, said, _, which = world.at_call(kind.who, number, kind.what, *kind.words)
    if which < 0 and code == kind.undisturbed:
        return None
    bad = list(check(world, kind, code, said))
    return [f"{kind.who} call {number} (system call {which}): {b}" for b in bad] + ([f"it said {said.strip()[:600]!r}"] if bad else [])


def points(calls, how, number):
    if how == "@":
        return [number]
    every = number if how == ":" else max(1, calls // number)
    return range(1 + random.Random(SEED).randrange(every), calls + 1, every)


def deaths(name, how, number, base):
    """(how many, how many of them left something wrong)"""
    kind = KINDS[name]()
    world = World(base, kind)
    kind.prepare(world)
    world.fresh()
    code, said, calls, _ = world.at_call(kind.who, 0, "none", *kind.words)
    if code != kind.undisturbed:
        raise SystemExit(f"Bail out! {name}: exit {code} without any death: {said}")
    done = bad = 0
    for call in points(calls, how, number):
        wrong = one_death(world, kind, call)
        while wrong is None and how == "=" and call > 1:  # another time there were more of them, of /proc's for example
            call //= 2
            wrong = one_death(world, kind, call)
        done += wrong is not None
        bad += bool(wrong)
        for text in wrong or ():
            print(f"# {text}", flush=True)
        if wrong and os.environ.get("KEEP"):
            copy(world.folder, os.path.join(os.environ["KEEP"], f"{name}-{call}"))
    return done, bad


def one_kind(no, name, how, number):
    base = tempfile.mkdtemp(prefix="orchmake-deaths-")
    print(f"# {name}{how}{number}: TEST_SEED={SEED}", flush=True)
    try:
        done, bad = deaths(name, how, number, base)
    except Skipped as why:
        print(f"ok {no} # SKIP {why}")
        return True
    finally:
        shutil.rmtree(base, ignore_errors=True)
    good = done and not bad
    print(f"# {name}: {done} deaths, {bad} left something wrong")
    print(f"{'ok' if good else 'not ok'} {no} - at whichever call it dies ({name}), nothing is lost, invented or left, and the rest gets done",
          flush=True)
    return good


def wanted(word):
    """Each kind that a word names, how its calls are chosen, and the number."""
    name, how, number = re.fullmatch(r"([a-z_]+)(?:([:=@])(\d+))?", word).groups()
    return [(k, how or ":", int(number or 1)) for k in (KINDS if name == "all" else [name])]


def main():
    kinds = [k for word in sys.argv[1:] for k in wanted(word)]
    good = [one_kind(i + 1, *k) for i, k in enumerate(kinds)]
    print(f"1..{len(kinds)}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
