"""Processes are marked by a variable of their environment, which their children inherit: so whoever is left is found."""
import os
import signal
import time


def carries(pid, wanted):
    with open(f"/proc/{pid}/environ", "rb") as f:
        if wanted not in f.read().split(b"\0"):
            return False
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] != "Z"


def is_warden(pid, folder):
    """It has no environment, but something open below folder: its journal."""
    with open(f"/proc/{pid}/comm") as f:
        if f.read().strip() != "orchmake-warden":
            return False
    return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(folder + "/") for fd in os.listdir(f"/proc/{pid}/fd"))


def alive(name, mark, folder):
    """Those that carry name=mark (steps, escapees), and the wardens of folder; zombies not counted."""
    found = []
    wanted = f"{name}={mark}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if carries(pid, wanted) or is_warden(pid, folder):
                found.append(int(pid))
        except OSError:
            pass
    return found


def until_gone(name, mark, folder, within_s):
    """Who is left in the end.  A process in the middle of exec has no environment to see, so look again."""
    end = time.monotonic() + within_s
    seen_none = 0
    while True:
        left = alive(name, mark, folder)
        seen_none = 0 if left else seen_none + 1
        if seen_none == 3 or time.monotonic() > end:
            return left
        time.sleep(0.003)


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            command = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        with open(f"/proc/{pid}/stat") as f:
            state, parent = f.read().rsplit(")", 1)[1].split()[:2]
        return f"{pid} ({command}, {state}, child of {parent})"
    except OSError:
        return str(pid)


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
