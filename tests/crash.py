#!/usr/bin/env python3
"""The crash test: kill -9 the driver at random instants, under load, and compare the ledger with the steps' own word.

A DAG of 40 steps at -j4; steps last 0 to 20 ms, one in five fails, three in ten leave a daemon behind.  After each
kill everything must be gone, and after the next start of orchmake every attempt has exactly one final state, and that
state is what the step itself recorded.  Prints TAP.  N kills: CRASH_KILLS (200); the seed: TEST_SEED.
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
from marked import alive  # noqa: E402  (beside this file)

KILLS = int(os.environ.get("CRASH_KILLS", "200"))
SEED = int(os.environ.get("TEST_SEED", str(time.time_ns() % 1000000)))
BUILD = os.environ.get("top_builddir", "build")
STEP = os.path.join(BUILD, "tests/progs/crashstep")
ORCHMAKE = os.path.join(BUILD, "orchmake")
MARK = "CRASH_MARK"
GONE_WITHIN_S = 10.0


def jobfile(rng, folder):
    steps = {}
    names = [f"s{i}" for i in range(40)]
    for i, name in enumerate(names):
        code = rng.choice([0, 0, 0, 0, rng.randint(1, 4)])
        step = {
            "argv": [STEP, os.path.join(folder, "history"), str(rng.randint(0, 20)), str(code),
                     str(int(rng.random() < 0.3))],
            "on_failure": "continue",
        }
        needs = rng.sample(names[:i], min(i, rng.randint(0, 2)))
        if needs:
            step["needs"] = needs
        if rng.random() < 0.2:
            step["retry"] = {"max": 1, "delay": "5ms"}
        steps[name] = step
    return {"jobfile": 1, "jobs": {"all": {"steps": steps}}}


def until_gone(mark, start):
    """Who is left in the end.  A process in the middle of exec has no environment to see, so look again."""
    seen_none = 0
    while True:
        left = alive(MARK, mark)
        seen_none = 0 if left else seen_none + 1
        if seen_none == 3 or time.monotonic() - start > GONE_WITHIN_S:
            return left
        time.sleep(0.001)


def history(folder):
    """tag -> [started how often, exit code or None] by the steps' own word."""
    seen = {}
    try:
        with open(os.path.join(folder, "history")) as f:
            for line in f:
                words = line.split()
                entry = seen.setdefault(words[1], [0, None])
                if words[0] == "S":
                    entry[0] += 1
                else:
                    entry[1] = int(words[2])
    except FileNotFoundError:
        pass
    return seen


def serial_of(tag):
    return int(tag.rsplit(":", 1)[1])


class Counts:
    def __init__(self):
        self.kills = self.lost = self.phantom = self.wrong = self.twice = self.orphans = self.open = self.damaged = 0
        self.interrupted = self.attempts = 0
        self.gone_ms = []

    def bad(self):
        return self.lost + self.phantom + self.wrong + self.twice + self.orphans + self.open + self.damaged


def check(folder, counts, complain):
    db = sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True)
    if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        counts.damaged += 1
    runs = db.execute("SELECT run, state FROM v_runs").fetchall()
    counts.open += sum(1 for r in runs if r[1] in ("running", "pending"))
    rows = {r[0]: r for r in db.execute("SELECT serial, state, exit_code, phase FROM v_attempts")}
    seen = {serial_of(t): v for t, v in history(folder).items()}
    counts.attempts += len(seen)
    for serial, (starts, code) in seen.items():
        row = rows.get(serial)
        if starts > 1:
            counts.twice += 1
        if row is None or row[3] not in ("ended",):
            counts.lost += 1
            complain(f"attempt {serial} started but the ledger says {row}")
        elif row[1] in ("succeeded", "failed") and code is not None and row[2] != code:
            counts.wrong += 1
            complain(f"attempt {serial} ended with {code} but the ledger says {row}")
        elif row[1] == "lost":
            counts.lost += 1
            complain(f"attempt {serial} is lost although its warden lived")
        elif row[1] in ("interrupted",):
            counts.interrupted += 1
    for serial, row in rows.items():
        if row[1] in ("succeeded", "failed") and row[2] is not None and seen.get(serial, (0, None))[1] is None:
            counts.phantom += 1
            complain(f"the ledger says {row} but attempt {serial} never said so")
    db.close()


def one_round(rng, number, base, counts, complain):
    folder = os.path.join(base, str(number))
    os.mkdir(folder)
    with open(os.path.join(folder, "Jobfile"), "w") as f:
        json.dump(jobfile(rng, folder), f)
    mark = f"{os.getpid()}-{number}"
    env = dict(os.environ, **{MARK: mark})
    driver = subprocess.Popen([ORCHMAKE, "-s", "-j4", "-C", folder, "all"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.random() * 0.25)  # the instant of the kill is the test's input, not a wait for something
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    counts.kills += 1
    start = time.monotonic()
    left = until_gone(mark, start)
    counts.gone_ms.append((time.monotonic() - start) * 1000)
    for pid in left:
        counts.orphans += 1
        complain(f"process {pid} is left")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if os.path.exists(os.path.join(folder, ".orchmake/ledger.db")):
        subprocess.run([ORCHMAKE, "-C", folder, "doctor"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        check(folder, counts, complain)
    shutil.rmtree(folder)


def main():
    rng = random.Random(SEED)
    counts = Counts()
    base = tempfile.mkdtemp(prefix="orchmake-crash-")
    print(f"# TEST_SEED={SEED} CRASH_KILLS={KILLS}", flush=True)
    try:
        for number in range(KILLS):
            one_round(rng, number, base, counts, lambda text: print(f"# round {number}: {text}", flush=True))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    gone = sorted(counts.gone_ms)
    print(f"# {counts.kills} kills, {counts.attempts} attempts: {counts.lost} lost, {counts.phantom} phantom, {counts.wrong} wrong, "
          f"{counts.twice} started twice, {counts.orphans} orphans, {counts.open} runs left open, "
          f"{counts.damaged} ledgers damaged; {counts.interrupted} attempts interrupted; everything gone after "
          f"{gone[len(gone) // 2]:.1f} ms (median), {gone[-1]:.1f} ms (worst)")
    print(f"{'not ok' if counts.bad() or not counts.attempts else 'ok'} 1 - after {counts.kills} kills of the driver nothing is lost, "
          "invented, started twice or left running")
    print("1..1")
    return 1 if counts.bad() or not counts.attempts else 0


if __name__ == "__main__":
    sys.exit(main())
