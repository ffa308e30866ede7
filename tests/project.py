"""What is tried, where it comes from, and what may lie in a project in which nothing runs."""
import os
import re
import subprocess
import time

BUILD = os.path.abspath(os.environ.get("top_builddir", "build"))
ORCHMAKE = os.path.join(BUILD, "orchmake")
STEP = os.path.join(BUILD, "tests/progs/crashstep")
ATCALL = os.path.join(BUILD, "tests/progs/atcall")
SEED = int(os.environ.get("TEST_SEED", str(time.time_ns() % 1000000)))
OURS = r"\.orchmake/(ledger\.db(-wal|-shm|-reserve)?|logs/[^/]*/[^/]*|locks/[^/]*)"


def environment(**more):
    """That of a person who has just sat down."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ORCHMAKE_", "FAULT_")) and k != "MAKEFLAGS"}
    return dict(env, NO_COLOR="1", ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0", **more)


def begin(words, env):
    return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def end(process, time_s):
    """(exit code or None, what it said)"""
    try:
        said = process.communicate(timeout=time_s)[0]
        return process.returncode, said.decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        return None, process.communicate()[0].decode(errors="replace")


def strays(folder, own):
    """Files that do not belong there.  own: a pattern of those that the test makes."""
    belongs = re.compile(f"{own}|{OURS}")
    files = (os.path.relpath(os.path.join(d, f), folder) for d, _, names in os.walk(folder) for f in names)
    return [f for f in files if not belongs.fullmatch(f)]
