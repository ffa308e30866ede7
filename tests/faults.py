#!/usr/bin/env python3
"""Every system call, and every allocation, of a run fails once; after each the world must be in order.

	faults.py KIND[:EVERY]...

One run of two steps, of which one leaves a process behind, is first watched, to learn what it calls; then it is repeated once for each call, which fails.
  syscalls: each system call of the driver, by strace's injection, with the error that is likely for it
  files:    each write, open, ... below .orchmake, by a preloaded library, once and from then on, ENOSPC and EIO
  memory:   each allocation
  warden:   each system call of the warden, by tests/progs/atcall, with the error that is likely for it
EVERY: only every so many-th point, beginning at a random one (TEST_SEED).  After each point:
  - orchmake ended, by itself, with a code it may have, and said why if it was not 0
  - nothing that it started is left
  - doctor and fsck find nothing wrong in the ledger
  - what the ledger says of the steps is what the steps wrote down themselves
  - the next run succeeds
  - no file is left that does not belong there
Prints TAP.
"""
import os
import random
import shutil
import sqlite3
import sys
import tempfile

sys.dont_write_bytecode = True
import marked  # noqa: E402  (beside this file)
import project  # noqa: E402
from project import ATCALL, ORCHMAKE, SEED  # noqa: E402

LIBRARY = os.path.join(project.BUILD, "tests/progs/faulty.so")
TIME_S = 60  # SQLite tries again for 30 s what another process may have caused
GONE_WITHIN_S = 10
MARK = "FAULT_MARK"
CODES = {0, 1, 2, 5}  # done; failed; nothing was run; the ledger

JOBFILE = """\
jobfile: 1
jobs:
  all:
    steps:
      one: {run: "echo S one >>history; sleep 600 & echo said; echo v=1 >>$ORCHMAKE_OUTPUT; echo E one >>history", provides: [v]}
      two: {needs: [one], retry: {max: 1, delay: 1ms}, run: "echo S two >>history; echo E two >>history"}
"""

# What a call fails with that can really happen to it; what is not here, with EIO.
ERRORS = {
    "openat": "EMFILE", "open": "EMFILE", "mmap": "ENOMEM", "brk": "ENOMEM", "clone": "EAGAIN", "clone3": "EAGAIN",
    "vfork": "EAGAIN", "fork": "EAGAIN", "write": "ENOSPC", "pwrite64": "ENOSPC", "pwritev": "ENOSPC", "fallocate": "ENOSPC",
    "ftruncate": "ENOSPC", "mkdir": "ENOSPC", "mkdirat": "ENOSPC", "socketpair": "EMFILE", "pipe2": "EMFILE",
    "epoll_create1": "EMFILE", "signalfd4": "EMFILE", "timerfd_create": "EMFILE", "memfd_create": "EMFILE",
    "sendmsg": "ENOBUFS", "recvmsg": "ENOMEM", "poll": "ENOMEM", "ppoll": "ENOMEM", "epoll_wait": "EINTR",
    "epoll_pwait": "EINTR", "epoll_pwait2": "EINTR", "read": "EIO", "fcntl": "EINVAL", "flock": "ENOLCK", "chdir": "EACCES",
    "pidfd_open": "EMFILE", "access": "EACCES", "mprotect": "ENOMEM", "madvise": "ENOMEM",
}
# Calls that cannot fail, or whose failure is the end of a process that has hardly begun (the dynamic linker's).
NOT_OURS = {"execve", "exit_group", "exit", "rt_sigreturn", "restart_syscall", "arch_prctl", "set_tid_address", "set_robust_list",
            "rseq", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "munmap", "rt_sigaction", "rt_sigprocmask",
            "brk", "umask", "gettid", "sched_yield", "close",
            "fcntl"}  # an unlock that fails does not exist, and SQLite would try again for 30 s


def environment(number, extra):
    return project.environment(**{MARK: f"{os.getpid()}-{number}"}, **extra)


def left_alive(mark, folder):
    """Who is still there; the warden may be on its last steps."""
    left = marked.until_gone(MARK, mark, folder, GONE_WITHIN_S)
    marked.end(left)
    return left


def orchmake(folder, number, extra=None, before=()):
    """(exit code or None, what it said)"""
    words = [*before, ORCHMAKE, "-s", "-j2", "-C", folder, "all"]
    return project.end(project.begin(words, environment(number, extra or {})), TIME_S)


def verb(folder, number, *words):
    return project.end(project.begin([ORCHMAKE, "-C", folder, *words], environment(number, {})), TIME_S)


def history(folder):
    try:
        with open(os.path.join(folder, "history")) as f:
            return [line.split() for line in f]
    except FileNotFoundError:
        return []


def compare(folder, code, seen):
    """The ledger's word against the steps' own, for the one run that failed."""
    bad = []
    path = os.path.join(folder, ".orchmake/ledger.db")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        runs = db.execute("SELECT run, state FROM v_runs").fetchall()
        rows = db.execute("SELECT step, state, exit_code, phase FROM v_attempts").fetchall()
    finally:
        db.close()
    if any(state in ("running", "pending") for _, state in runs):
        bad.append(f"a run is left open: {runs}")
    if code == 0 and [s for _, s in runs] != ["succeeded"]:
        bad.append(f"exit 0, but the ledger says {runs}")
    for step in ("one", "two"):
        begun = sum(w == ["S", step] for w in seen)
        ended = sum(w == ["E", step] for w in seen)
        mine = [r for r in rows if r[0].endswith(step)]
        began = [r for r in mine if r[3] == "ended" and r[1] != "skipped"]
        won = [r for r in mine if r[1] == "succeeded"]
        if len(won) > ended:
            bad.append(f"{step} succeeded {len(won)} times in the ledger and ended {ended} times: {mine}")
        if begun > len(began):
            bad.append(f"{step} began {begun} times, the ledger has {mine}")
        if code == 0 and ended != 1:
            bad.append(f"exit 0, but {step} ended {ended} times")
    return bad


def check(folder, number, code, said):
    bad = []
    left = left_alive(f"{os.getpid()}-{number}", folder)
    if code is None:
        bad.append("it hung")
    elif code not in CODES and (history(folder) or code not in (127, -11)):  # the dynamic linker's own ends
        bad.append(f"exit {code}")
    if code and code != -11 and not said.strip():
        bad.append(f"exit {code} and not a word")
    if "internal error" in said or "AddressSanitizer" in said or "runtime error" in said:
        bad.append("it broke")
    if left:
        bad.append(f"processes are left: {left}")
    seen = history(folder)
    if os.path.exists(os.path.join(folder, ".orchmake/ledger.db")):
        for words in (("doctor",), ("fsck",)):
            rc, text = verb(folder, number, *words)
            if rc:
                bad.append(f"{words[0]} says {rc}: {text.strip()[-600:]}")
        if not bad:
            bad += compare(folder, code, seen)
    elif seen:
        bad.append("a step ran without a ledger")
    again, text = orchmake(folder, number)
    if again != 0:
        bad.append(f"the next run says {again}: {text}")
    bad += [f"{p} is left" for p in project.strays(folder, "Jobfile|history")]
    return bad


class Points:
    def __init__(self, base, every):
        self.base, self.every, self.done, self.bad, self.failed_runs = base, every, 0, 0, 0
        self.rng = random.Random(SEED)

    def fresh(self):
        folder = os.path.join(self.base, str(self.done))
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        with open(os.path.join(folder, "Jobfile"), "w") as f:
            f.write(JOBFILE)
        return folder

    def sample(self, points):
        return points[self.rng.randrange(self.every)::self.every]

    def try_one(self, name, extra=None, before=()):
        folder = self.fresh()
        code, said = orchmake(folder, self.done, extra, before)
        bad = check(folder, self.done, code, said)
        if bad:
            self.bad += 1
            print(f"# {name}: {'; '.join(bad)}\n#   said: {said.strip()[:600]!r}", flush=True)
        self.failed_runs += code != 0
        self.done += 1
        shutil.rmtree(folder, ignore_errors=True)


def sanitized():
    with open(ORCHMAKE, "rb") as f:
        return b"__asan_init" in f.read()


def syscalls(points):
    if sanitized():
        return "the sanitizer's own calls would fail"
    if not shutil.which("strace"):
        return "strace is not installed"
    folder = points.fresh()
    trace = os.path.join(points.base, "trace")
    code, said = orchmake(folder, 0, before=("strace", "-o", trace))
    if code != 0:
        return f"strace cannot trace here: {said.strip()[:100]!r}"
    counts = {}
    with open(trace) as f:
        for line in f:
            name = line.split("(", 1)[0]
            if name.isidentifier():
                counts[name] = counts.get(name, 0) + 1
    everything = [(name, n) for name in sorted(counts) if name not in NOT_OURS for n in range(1, counts[name] + 1)]
    for name, n in points.sample(everything):
        error = ERRORS.get(name, "EIO")
        points.try_one(f"{name} number {n} fails with {error}",
                       before=("strace", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={n}"))
    return None


def count_calls(points, extra):
    folder = points.fresh()
    counter = os.path.join(points.base, "count")
    code, said = orchmake(folder, 0, dict(extra, FAULT_COUNT=counter))
    if code != 0:
        raise SystemExit(f"Bail out! the library cannot be preloaded: {said}")
    with open(counter) as f:
        return int(f.read())


def preloaded(call, **more):
    return dict(LD_PRELOAD=LIBRARY, FAULT_PROGRAM="orchmake", FAULT_CALL=call, **more)


def files(points):
    calls = "open,write,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,mkdir"  # what cannot be removed stays
    extra = preloaded(calls, FAULT_PATH=".orchmake")
    total = count_calls(points, extra)
    everything = [(n, e, s) for n in range(1, total + 1) for e in (28, 5) for s in (False, True)]
    for n, error, sticky in points.sample(everything):
        more = dict(extra, FAULT_AT=str(n), FAULT_ERRNO=str(error), **({"FAULT_STICKY": "1"} if sticky else {}))
        points.try_one(f"file call {n} {'and all after it fail' if sticky else 'fails'} with {os.strerror(error)}", more)
    return None


def memory(points):
    if sanitized():
        return "the sanitizer has an allocator of its own"
    extra = preloaded("malloc", FAULT_ERRNO="12")
    for n in points.sample(range(1, count_calls(points, extra) + 1)):
        points.try_one(f"allocation {n} fails", dict(extra, FAULT_AT=str(n)))
    return None


def warden(points):
    if sanitized():
        return "the sanitizer's own calls would fail"
    report = os.path.join(points.base, "report")
    code, said = orchmake(points.fresh(), 0, before=(ATCALL, "warden", "0", "fail", report))
    if code == 77:
        return f"cannot trace here: {said.strip()[:100]!r}"
    if code != 0:
        raise SystemExit(f"Bail out! exit {code} under atcall: {said}")
    with open(report) as f:
        calls = int(f.read().split()[0])
    for n in points.sample(range(1, calls + 1)):
        points.try_one(f"the warden's call {n} fails", before=(ATCALL, "warden", str(n), "fail", report))
    return None


KINDS = {"syscalls": syscalls, "files": files, "memory": memory, "warden": warden}


def one_kind(no, kind, every):
    base = tempfile.mkdtemp(prefix="orchmake-faults-")
    points = Points(base, every)
    print(f"# {kind}: TEST_SEED={SEED}, every {every}", flush=True)
    try:
        skipped = KINDS[kind](points)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if skipped:
        print(f"ok {no} # SKIP {skipped}")
        return True
    good = points.done and not points.bad
    print(f"# {points.done} points, {points.failed_runs} runs failed, {points.bad} left something wrong")
    print(f"{'ok' if good else 'not ok'} {no} - whichever of the {kind} fails, nothing is lost, invented, damaged or left")
    return good


def main():
    kinds = [a.partition(":") for a in sys.argv[1:]]
    good = [one_kind(i + 1, kind, int(every or 1)) for i, (kind, _, every) in enumerate(kinds)]
    print(f"1..{len(kinds)}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
