#!/usr/bin/env python3
"""A long time of it: nothing may pile up.

	soak.py MINUTES

Two projects side by side.  In one, runs are killed at random instants, resumed and forgotten by gc, over and over in one
ledger: files, folders and the ledger's size stay what they were, fsck finds nothing, nobody is left.  In the other a
single run tries steps again every few milliseconds until the time is over: descriptors and zombies of its driver and its
warden stay what they were, and so does their memory, but for what the driver has to know of each attempt.  Prints TAP.  The seed: TEST_SEED.
"""
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import crash  # noqa: E402  (beside this file)
import marked  # noqa: E402
from project import SEED  # noqa: E402

KEPT = 5
SETTLED = 20  # so many cycles or samples show what is usual
MORE_KIB = 4096  # SQLite's cache, and an allocator's own business
ATTEMPTS_PER_KIB = 4  # a driver knows every attempt of its run, in some 100 bytes
FSCK_EVERY = 10


# --- many runs -------------------------------------------------------------------------------------------------------

class Cycles:
    def __init__(self, rng, folder):
        self.rng, self.folder, self.bad = rng, folder, []
        self.sizes = []  # after each cycle: (files, bytes of the ledger)
        self.env = dict(os.environ, **{crash.MARK: f"{os.getpid()}-soak"})
        os.mkdir(folder)

    def run(self, *words):
        return crash.run(self.folder, self.env, list(words))

    def cycle(self):
        with open(os.path.join(self.folder, "Jobfile"), "w") as f:
            json.dump(crash.jobfile(self.rng, self.folder, self.rng.choice(["kill", "finish"])), f)
        crash.kill_at_random(self.rng, self.run("-s", "-j4", "all"), 0.4)
        if os.path.exists(os.path.join(self.folder, ".orchmake/ledger.db")):
            crash.kill_at_random(self.rng, self.run("-s", "-j4", "resume"), 0.4)
            self.run("-s", "-j4", "resume").wait()
            self.look_after()

    def look_after(self):
        if self.run("gc", f"--keep={KEPT}").wait():
            self.bad.append("gc failed")
        if len(self.sizes) % FSCK_EVERY == 0 and self.run("fsck").wait():
            self.bad.append("fsck found something")
        left = marked.until_gone(crash.MARK, self.env[crash.MARK], self.folder, crash.GONE_WITHIN_S)
        self.bad += [f"{marked.describe(p)} is left" for p in left]
        marked.end(left)
        files = sum(len(names) for _, _, names in os.walk(self.folder))
        ledger = os.path.join(self.folder, ".orchmake/ledger.db")
        self.sizes.append((files, sum(os.path.getsize(ledger + s) for s in ("", "-wal") if os.path.exists(ledger + s))))

    def complaints(self):
        yield from self.bad
        if len(self.sizes) <= 2 * SETTLED:
            return
        for what, i in (("files", 0), ("bytes of the ledger", 1)):
            usual = max(s[i] for s in self.sizes[:SETTLED])
            last = min(s[i] for s in self.sizes[-SETTLED:])
            if last > 2 * usual:
                yield f"{what}: {usual} at most in the beginning, {last} at least in the end"


# --- one run ---------------------------------------------------------------------------------------------------------

class Sample:
    def __init__(self, pid):
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        with open(f"/proc/{pid}/status") as f:
            self.kib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        self.zombies = sum(state_of(p) == "Z" for p in children(pid))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return f.read().split()


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


class LongRun:
    """Its driver and its warden, looked at each second."""

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder)
        steps = {f"s{i}": {"until": {"argv": ["test", "-e", "stop"], "every": f"{5 + i}ms"}} for i in range(8)}
        with open(os.path.join(folder, "Jobfile"), "w") as f:
            json.dump({"jobfile": 1, "jobs": {"all": {"steps": steps}}}, f)
        self.driver = crash.run(folder, dict(os.environ), ["-s", "-j4", "all"])
        self.samples = {"driver": [], "warden": []}

    def look(self):
        wardens = children(self.driver.pid)
        for name, pid in (("driver", self.driver.pid), ("warden", wardens[0] if wardens else None)):
            if pid:
                self.samples[name].append(Sample(pid))

    def end(self):
        open(os.path.join(self.folder, "stop"), "w").close()
        return self.driver.wait()

    def attempts(self):
        with sqlite3.connect(f"file:{self.folder}/.orchmake/ledger.db?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM attempts").fetchone()[0]

    def complaints(self, code):
        if code:
            yield f"the long run exits with {code}"
        for name, all_of_it in self.samples.items():
            early, late = all_of_it[:SETTLED], all_of_it[-SETTLED:]
            if min(s.descriptors for s in late) > max(s.descriptors for s in early):
                yield f"the {name} has more and more descriptors"
            known = self.attempts() // ATTEMPTS_PER_KIB if name == "driver" else 0
            if min(s.kib for s in late) > max(s.kib for s in early) + MORE_KIB + known:
                yield f"the {name} has {late[-1].kib} KiB, it had {early[-1].kib}"
            if min(s.zombies for s in late) > 0:
                yield f"the {name} does not reap"

    def text(self):
        return ", ".join(f"{name}: {s[0].kib} to {s[-1].kib} KiB, {s[-1].descriptors} descriptors"
                         for name, s in self.samples.items() if s)


def soak(base, minutes):
    end = time.monotonic() + 60 * minutes
    cycles, long_run = Cycles(random.Random(SEED), os.path.join(base, "many")), LongRun(os.path.join(base, "one"))
    look_at = time.monotonic() + 1
    while time.monotonic() < end:
        cycles.cycle()
        if time.monotonic() >= look_at and long_run.driver.poll() is None:
            long_run.look()
            look_at = time.monotonic() + 1
    code = long_run.end()
    bad = list(cycles.complaints()) + list(long_run.complaints(code))
    print(f"# {len(cycles.sizes)} cycles of kill, resume and gc: {cycles.sizes[0]} files and bytes in the beginning, {cycles.sizes[-1]} in the end")
    print(f"# one run of {long_run.attempts()} attempts: {long_run.text()}")
    return bad


def main():
    base = tempfile.mkdtemp(prefix="orchmake-soak-")
    print(f"# TEST_SEED={SEED}", flush=True)
    try:
        bad = soak(base, float(sys.argv[1]))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    for text in bad:
        print(f"# {text}")
    print(f"{'not ok' if bad else 'ok'} 1 - nothing piles up\n1..1")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
