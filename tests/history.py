"""What crashstep wrote down of each of its attempts, beside what the ledger says of them."""
import os
import sqlite3


def said(folder):
    """(run, serial) -> [started how often, exit code or None] by the steps' own word."""
    seen = {}
    try:
        with open(os.path.join(folder, "history")) as f:
            for line in f:
                words = line.split()
                run, serial = words[1].rsplit(":", 1)
                entry = seen.setdefault((run, int(serial)), [0, None])
                if words[0] == "S":
                    entry[0] += 1
                else:
                    entry[1] = int(words[2])
    except FileNotFoundError:
        pass
    return seen


class Counts:
    """What may not be, and how often it was."""

    def __init__(self):
        self.lost = self.phantom = self.wrong = self.twice = self.orphans = self.open = self.damaged = 0
        self.interrupted = self.attempts = self.recovered = 0

    def bad(self):
        return self.lost + self.phantom + self.wrong + self.twice + self.orphans + self.open + self.damaged

    def text(self):
        return (f"{self.attempts} attempts: {self.lost} lost, {self.phantom} phantom, {self.wrong} wrong, "
                f"{self.twice} started twice, {self.orphans} orphans, {self.open} runs left open, "
                f"{self.damaged} ledgers damaged; {self.interrupted} attempts interrupted")


def check_started(counts, complain, who, entry, row, may_be):
    """row: state, exit code, phase, or None.  may_be: states for which nobody need know how it ended."""
    starts, code = entry
    if starts > 1:
        counts.twice += 1
        complain(f"attempt {who} was started {starts} times")
    if row is None or row[2] != "ended":
        counts.lost += 1
        complain(f"attempt {who} started but the ledger says {row}")
    elif row[0] in ("succeeded", "failed") and code is not None and row[1] != code:
        counts.wrong += 1
        complain(f"attempt {who} ended with {code} but the ledger says {row}")
    elif row[0] in ("lost", "interrupted") and row[0] not in may_be:
        counts.lost += 1
        complain(f"attempt {who}, which said {code}, is {row[0]}")
    elif row[0] in ("lost", "interrupted"):
        counts.interrupted += 1


def check(folder, counts, complain, may_be=("interrupted",), forgets=False):
    """Every attempt has one end, and it is the one that the attempt itself saw.  forgets: there may be no such run any more."""
    db = sqlite3.connect(f"file:{folder}/.orchmake/ledger.db?mode=ro", uri=True)
    try:
        if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            counts.damaged += 1
        counts.open += db.execute("SELECT count(*) FROM v_runs WHERE state IN ('running', 'pending')").fetchone()[0]
        runs = {r[0] for r in db.execute("SELECT run FROM v_runs")}
        rows = {(r[0], r[1]): r[2:] for r in db.execute("SELECT run, serial, state, exit_code, phase FROM v_attempts")}
    finally:
        db.close()
    seen = {who: entry for who, entry in said(folder).items() if who[0] in runs or not forgets}
    counts.attempts += len(seen)
    for who, entry in seen.items():
        check_started(counts, complain, who, entry, rows.get(who), may_be)
    for who, row in rows.items():
        if row[0] in ("succeeded", "failed") and row[1] is not None and seen.get(who, (0, None))[1] is None:
            counts.phantom += 1
            complain(f"the ledger says {row} but attempt {who} never said so")
