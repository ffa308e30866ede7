#!/usr/bin/env python3
"""The crash test: kill -9 the driver at random instants, under load, and compare the ledger with the steps' own word.

A composite of 40 steps at -j4 or -j8: a DAG with retries and timeouts, a loop over what an earlier step returned, a
step that is tried until it succeeds, and steps that run finally; or 30 plain steps, which are held ahead.  Steps last 0 to 20 ms, one in five fails, three in
ten leave a daemon behind.
  kill:    on_driver_death is the default.  After each kill everything must be gone.
  finish:  on_driver_death is finish.  What runs ends by itself, and the start that follows, at once or later, knows every exit.
After the next start of orchmake, which one time in five is killed as well and started again, every attempt has exactly
one final state, and that state is what the step itself recorded.  Then `resume` does what is left of one run in ten.
One kill in five is of the second kind.  Prints TAP.

	crash.py KILLS		the seed: TEST_SEED
"""
import json
import os
import random
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
from project import ORCHMAKE, SEED, STEP  # noqa: E402

FINISH_EVERY = 5
MARK = "CRASH_MARK"
GONE_WITHIN_S = 30.0
STEPS = 30


def work(rng, folder, code=None):
    if code is None:
        code = rng.choice([0, 0, 0, 0, rng.randint(1, 4)])
    return [STEP, os.path.join(folder, "history"), str(rng.randint(0, 20)), str(code), str(int(rng.random() < 0.3))]


def dag(rng, folder):
    steps = {}
    names = [f"s{i}" for i in range(STEPS)]
    for i, name in enumerate(names):
        step = {"argv": work(rng, folder), "on_failure": "continue"}
        needs = rng.sample(names[:i], min(i, rng.randint(0, 2)))
        if needs:
            step["needs"] = needs
        if rng.random() < 0.2:
            step["retry"] = {"max": 1, "delay": "5ms"}
        if rng.random() < 0.1:
            step.update(timeout="10ms", grace="50ms")
        steps[name] = step
    return {"steps": steps}


def loop(rng, folder):
    """A list that is known only when it has been made, three instances, and one that waits for all of them."""
    make = ["sh", "-c", 'echo "l=[1,2,3]" >>"$ORCHMAKE_OUTPUT"; exec "$@"', "sh"] + work(rng, folder, 0)
    return {
        "steps": {
            "list": {"argv": make, "provides": {"l": {"type": "json"}}},
            "each": {"foreach": {"n": "${{ consumes.l }}"}, "consumes": ["l"], "argv": work(rng, folder), "on_failure": "continue"},
            "last": {"needs": ["each"], "argv": work(rng, folder)},
        },
        "finally": [{"id": "tidy", "argv": work(rng, folder)}],
    }


def wait(rng, folder):
    return {"until": {"argv": work(rng, folder), "every": "5ms", "timeout": "40ms"}}


def plain(rng, folder):
    """Steps that begin in each other's place; in one half of the runs none of them fails."""
    fails = rng.random() < 0.5
    names = [f"s{i}" for i in range(STEPS)]
    steps = {}
    for i, name in enumerate(names):
        steps[name] = {"argv": work(rng, folder, rng.randint(1, 4) if fails and rng.random() < 0.1 else 0), "on_failure": "continue"}
        if i and rng.random() < 0.2:
            steps[name]["needs"] = [rng.choice(names[:i])]
    return {"steps": steps}


def jobfile(rng, folder, kind):
    if rng.random() < 0.5:
        jobs = {"all": plain(rng, folder)}
    else:
        jobs = {
            "all": {"stages": [{"name": "one", "jobs": ["dag", "loop"]}, {"name": "two", "jobs": ["wait"]}]},
            "dag": dag(rng, folder), "loop": loop(rng, folder), "wait": wait(rng, folder),
        }
    if kind == "finish":
        jobs["all"]["on_driver_death"] = "finish"
    return {"jobfile": 1, "jobs": jobs}


def run(folder, env, words):
    return subprocess.Popen([ORCHMAKE, "-C", folder] + words, env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_at_random(rng, process, within_s):
    time.sleep(rng.random() * within_s)  # the instant of the kill is the test's input, not a wait for something
    process.send_signal(signal.SIGKILL)
    process.wait()


def recover(rng, folder, env, words):
    if rng.random() < 0.2:
        kill_at_random(rng, run(folder, env, words), 0.02)
    run(folder, env, words).wait()


def resume(folder, env, complain):
    """It comes to an end of its own; what was done before it is not touched by it."""
    run(folder, env, ["-s", "-j4", "resume"]).wait()
    with sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True) as db:
        state = db.execute("SELECT state FROM v_runs ORDER BY run DESC LIMIT 1").fetchone()
    if state and state[0] not in ("succeeded", "failed"):
        complain(f"the resumption is {state[0]}")
        return 1
    return 0


class Kind:
    def __init__(self, name, rng, base):
        self.name, self.rng, self.base = name, rng, base
        self.counts = history.Counts()
        self.kills = self.resumed = self.resumed_badly = 0
        self.gone_ms = []

    def gone(self, mark, folder, complain):
        start = time.monotonic()
        left = marked.until_gone(MARK, mark, folder, GONE_WITHIN_S)
        self.gone_ms.append((time.monotonic() - start) * 1000)
        for pid in left:
            self.counts.orphans += 1
            complain(f"process {marked.describe(pid)} is left")
        marked.end(left)

    def after(self, folder, env, mark, complain):
        if self.name == "kill":
            self.gone(mark, folder, complain)
        if not os.path.exists(os.path.join(folder, ".orchmake/ledger.db")):
            return
        if self.name == "finish" and self.rng.random() < 0.5:
            recover(self.rng, folder, env, ["-s", "-j4", "resume"])  # while they run
        if self.name == "finish":
            self.gone(mark, folder, complain)
        recover(self.rng, folder, env, ["doctor"])
        if self.rng.random() < 0.1:
            self.resumed += 1
            self.resumed_badly += resume(folder, env, complain)
        history.check(folder, self.counts, complain, self.may_be())

    def may_be(self):
        return ("interrupted",) if self.name == "kill" else ()

    def one_round(self, number):
        folder = os.path.join(self.base, f"{self.name}{number}")
        mark = f"{os.getpid()}-{self.name}{number}"
        env = dict(os.environ, **{MARK: mark})
        os.mkdir(folder)
        with open(os.path.join(folder, "Jobfile"), "w") as f:
            json.dump(jobfile(self.rng, folder, self.name), f)
        kill_at_random(self.rng, run(folder, env, ["-s", self.rng.choice(["-j1", "-j4", "-j8"]), "all"]), 0.3)
        self.kills += 1
        self.after(folder, env, mark, lambda text: print(f"# {self.name} {number}: {text}", flush=True))
        shutil.rmtree(folder)
        if self.kills % 500 == 0:
            print(f"# so far: {self.text()}", flush=True)

    def text(self):
        gone = sorted(self.gone_ms) or [0]
        return (f"{self.name}: {self.kills} kills, {self.counts.text()}, {self.resumed} runs resumed, {self.resumed_badly} badly; "
                f"everything gone after {gone[len(gone) // 2]:.1f} ms (median), {gone[-1]:.1f} ms (worst)")

    def good(self):
        return bool(self.counts.attempts) and not self.counts.bad() and not self.resumed_badly


def main():
    total = int(sys.argv[1])
    parts = {"kill": total - total // FINISH_EVERY, "finish": total // FINISH_EVERY}
    base = tempfile.mkdtemp(prefix="orchmake-crash-")
    good = True
    print(f"# TEST_SEED={SEED}", flush=True)
    try:
        for no, (name, kills) in enumerate(parts.items()):
            kind = Kind(name, random.Random(f"{SEED} {name}"), base)
            for number in range(kills):
                kind.one_round(number)
            print(f"# {kind.text()}")
            print(f"{'ok' if kind.good() or not kills else 'not ok'} {no + 1} - after {kills} kills of the driver ({name}) nothing is lost, "
                  "invented, started twice or left running", flush=True)
            good &= kind.good() or not kills
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(f"1..{len(parts)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
