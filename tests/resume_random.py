#!/usr/bin/env python3
"""Killed at random instants and resumed until it is done, a run comes to what one that was left alone comes to.

A DAG of 24 steps at -j4, with a loop over a result and values that are handed on; three in ten kills take the warden
along, and then nobody knows how what ran has ended (on_lost: retry).  In the end every step has succeeded exactly once
by the ledger, was started as often as the ledger says, and its output is what its needs make it.  Prints TAP.  N rounds:
RESUME_ROUNDS (12); the seed: TEST_SEED.
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
from project import ORCHMAKE, SEED  # noqa: E402  (beside this file)

ROUNDS = int(os.environ.get("RESUME_ROUNDS", "12"))
STEPS, KILLS_MAX = 20, 6
# Its name and those of its needs: the output is made of theirs, and is there whole or not at all.
WORK = ('echo "$1" >>started; n=$1; shift; sleep 0.0$((${#n} % 3)); { echo "$n"; for i in "$@"; do cat "out/$i"; done; } '
        '>"tmp.$n.$$"; mv "tmp.$n.$$" "out/$n"; ')


def jobfile(rng):
    steps, needs = {}, {}
    names = ["s" + "x" * (i % 3) + str(i) for i in range(STEPS)]
    for i, name in enumerate(names):
        needs[name] = sorted(rng.sample(names[:i], min(i, rng.randint(0, 2))))
        steps[name] = {"argv": ["sh", "-euc", WORK, "sh", name] + needs[name], "needs": needs[name]}
    steps["list"] = {"argv": ["sh", "-euc", WORK + "echo 'l=[1,2,3]' >>\"$ORCHMAKE_OUTPUT\"", "sh", "list"],
                     "provides": {"l": {"type": "json"}}}
    steps["each"] = {"foreach": {"n": "${{ consumes.l }}"}, "consumes": ["l"],
                     "argv": ["sh", "-euc", WORK, "sh", "each${{ foreach.n }}"]}
    needs.update({"list": [], "each1": [], "each2": [], "each3": []})
    return {"jobfile": 1, "defaults": {"on_lost": "retry"}, "jobs": {"all": {"steps": steps}}}, needs


def wanted(needs, name):
    return name + "\n" + "".join(wanted(needs, n) for n in needs[name])


def start(folder, words):
    return subprocess.Popen([ORCHMAKE, "-s", "-j4", "-C", folder] + words, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wardens(driver):
    try:
        with open(f"/proc/{driver.pid}/task/{driver.pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def kill(rng, driver):
    """False if it was done before."""
    time.sleep(rng.random() * 0.15)  # the instant of the kill is the test's input, not a wait for something
    both = wardens(driver) if rng.random() < 0.3 else []
    for pid in [driver.pid] + both:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return driver.wait() != 0


def is_recorded(folder):
    try:
        with sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM v_runs").fetchone()[0] > 0
    except sqlite3.OperationalError:
        return False


def complaints(folder, needs):
    with open(os.path.join(folder, "started")) as f:
        started = f.read().split()
    db = sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True)
    rows = db.execute("SELECT step, state, pid FROM v_attempts WHERE phase = 'ended'").fetchall()
    for name, below in needs.items():
        step = "all/" + (f"each[{name[-1]}]" if name.startswith("each") else name)
        states = [r[1] for r in rows if r[0] == step]
        if states.count("succeeded") != 1:
            yield f"{step} succeeded {states.count('succeeded')} times: {states}"
        if states and states[-1] != "succeeded":
            yield f"{step} was tried again although it had succeeded: {states}"
        if started.count(name) > len(states):
            yield f"{step} was started {started.count(name)} times, the ledger knows of {len(states)}"
        with open(os.path.join(folder, "out", name)) as f:
            if f.read() != wanted(needs, name):
                yield f"the output of {step} is not what its needs make it"
    last = db.execute("SELECT state, result FROM runs JOIN run_texts ON run = no ORDER BY no DESC LIMIT 1").fetchone()
    outcomes = json.loads(last[1])["outcomes"]
    if not all(o["status"] in ("succeeded", "cached") for o in outcomes):
        yield f"the last result says {outcomes}"
    db.close()
    fsck = subprocess.run([ORCHMAKE, "-C", folder, "fsck"], capture_output=True, text=True, check=False)
    if fsck.returncode:
        yield fsck.stdout


def one_round(rng, folder):
    """How many kills, and what is wrong."""
    os.makedirs(os.path.join(folder, "out"))
    doc, needs = jobfile(rng)
    with open(os.path.join(folder, "Jobfile"), "w") as f:
        json.dump(doc, f)
    kills, done = 0, False
    words = ["all"]
    while kills < KILLS_MAX and not done:
        done = not kill(rng, start(folder, words))
        kills += not done
        words = ["resume"] if is_recorded(folder) else ["all"]
    # A run that was done before it could be killed is not run a second time: that would be another run.
    if not done and start(folder, words).wait():
        return kills, ["the last resumption failed"]
    return kills, list(complaints(folder, needs))


def main():
    rng = random.Random(SEED)
    base = tempfile.mkdtemp(prefix="orchmake-resume-")
    kills = bad = 0
    print(f"# TEST_SEED={SEED} RESUME_ROUNDS={ROUNDS}", flush=True)
    try:
        for number in range(ROUNDS):
            n, wrong = one_round(rng, os.path.join(base, str(number)))
            kills += n
            bad += len(wrong)
            for text in wrong:
                print(f"# round {number}: {text}", flush=True)
    finally:
        if not bad or not os.environ.get("KEEP"):
            shutil.rmtree(base, ignore_errors=True)
    print(f"# {ROUNDS} runs, {kills} kills, {bad} complaints")
    print(f"{'not ok' if bad or not kills else 'ok'} 1 - what was killed and resumed comes to what it would have come to")
    print("1..1")
    return 1 if bad or not kills else 0


if __name__ == "__main__":
    sys.exit(main())
