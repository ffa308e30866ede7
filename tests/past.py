#!/usr/bin/env python3
"""A long past costs nobody anything: what verbs read of a ledger with N attempts, beside one with a thousand.

	past.py [N]		30,000; make check-past N=1000000

Both ledgers are one real run of 100 steps, copied by SQL, an hour apart.  What is compared is how many bytes a verb reads,
which does not depend on how busy the machine is.  Prints TAP.
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import project  # noqa: E402  (beside this file)

STEPS = 100
HOUR_MS = 3600 * 1000
# The way down to a row is longer, and some verbs look a little at each run; what goes through all attempts reads far more.
MORE, MORE_BYTES, RUN_BYTES = 4, 1 << 19, 300
VERBS = [
    "list", "show all", "show last", "show last/all/s3", "show @-3", "history", "history all", "history --limit=10",
    "history --failed", "status", "logs last/all/s0", "why all/s0", "events", "result", "ps", "stats --days=1",
    "stats all --days=1", "query recent-jobs runs=10", "query recent-runs", "-n all", "plan all", "report last page.html",
    "graph --run=last", "breaker", "completion runs", "completion steps", "retry -n last all/s1",
]
# How each table of a run is copied k runs further: columns that are not as they are.
ID, PARENT = "({0} + (k << 32))", "CASE WHEN {0} IS NULL THEN NULL ELSE {0} + (k << 32) END"
COPIES = {
    "runs": {"no": "no + k", "id": "later_id(id, k)"},
    "run_texts": {"run": "run + k"},
    "jobs": {"id": ID, "parent": PARENT},
    "steps": {"id": ID, "job": PARENT},
    "attempts": {"id": ID, "step": ID},
    "events": {"id": ID},
}
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def later_id(name, k):
    digits = ""
    while len(digits) < 10:
        digits, k = DIGITS[k % 32] + digits, k // 32
    return name[:16] + digits


def copy_run(db, table, change, runs):
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    # the first run is an hour before the second, and so on; the last one is the newest
    change = dict({c: f"{c} + (k - {runs} + 1) * {HOUR_MS}" for c in columns if c.endswith("wall_ms")}, **change)
    values = [change.get(c, "{0}").format(c) for c in columns]
    db.execute(f"INSERT INTO {table} WITH RECURSIVE copy (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copy WHERE k < {runs - 1})"
               f" SELECT {', '.join(values)} FROM copy, (SELECT * FROM {table}) ORDER BY k")


def orchmake(folder, *words):
    code, said = project.end(project.begin([project.ORCHMAKE, "-C", folder, *words], project.environment()), 600)
    if code:
        sys.exit(f"Bail out! {words}: exit {code}: {said}")


def make(folder, runs):
    os.mkdir(folder)
    steps = "".join(f"      s{i}: {{run: 'echo {i}'}}\n" for i in range(STEPS))
    with open(os.path.join(folder, "Jobfile"), "w") as f:
        f.write(f"jobfile: 1\njobs:\n  all:\n    steps:\n{steps}")
    orchmake(folder, "-s", "all")
    db = sqlite3.connect(os.path.join(folder, ".orchmake/ledger.db"))
    db.create_function("later_id", 2, later_id)
    db.execute("PRAGMA synchronous = OFF")
    for table, change in COPIES.items():
        copy_run(db, table, change, runs)
    db.commit()
    db.close()
    orchmake(folder, "gc", f"--keep={runs}")  # forgets none, but SQLite has looked at it then


def bytes_read(folder, words):
    p = subprocess.Popen([project.ORCHMAKE, "-C", folder, *words], env=project.environment(), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = p.stderr.read().decode(errors="replace")
    os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)
    with open(f"/proc/{p.pid}/io") as f:
        count = int(f.readline().split()[1])
    if p.wait() not in (0, 1):  # 1: a plan with something to do
        sys.exit(f"Bail out! {' '.join(words)}: exit {p.returncode}: {said}")
    return count


def main():
    attempts = int(sys.argv[1]) if len(sys.argv) > 1 else 30000
    base = tempfile.mkdtemp(prefix="orchmake-past-")
    few, many = os.path.join(base, "few"), os.path.join(base, "many")
    slow = []
    try:
        make(few, 10)
        make(many, attempts // STEPS)
        for verb in VERBS:
            a, b = bytes_read(few, verb.split()), bytes_read(many, verb.split())
            print(f"# {verb}: {a >> 10} and {b >> 10} KiB", flush=True)
            if b > a * MORE + MORE_BYTES + attempts // STEPS * RUN_BYTES:
                slow.append(verb)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(f"{'not ok' if slow else 'ok'} 1 - no verb reads much more of {attempts} attempts than of {STEPS * 10}"
          f"{': ' if slow else ''}{', '.join(slow)}\n1..1")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
