"""Big graphs, n steps and 4n: what four times as much costs, in processor time and memory.

	tests/scale.py [N]		25,000; make check-scale N=250000 goes to a million

Nothing here looks at a clock: what must hold is that the cost grows as the graph does.
"""
import os, resource, subprocess, sys, tempfile

GROWTH = 8  # times as much for four times the steps: twice what is linear, far from the 16 of a square
MEMORY_GROWTH = 5  # what every process has is in it, so that linear is less than four
SMALL_S = 0.05  # of processor time: less says nothing about growth


HEAD = "jobfile: 1\njobs:\n  all:\n    steps:\n"


# Line by line, as the child's account of memory begins with what this program ever held.

def matrix(n):
    axis = ", ".join(str(i) for i in range(int(n ** 0.5)))
    yield f"jobfile: 1\njobs:\n  all: {{noop: true, matrix: {{a: [{axis}], b: [{axis}]}}}}\n"


def plain(n):
    yield HEAD
    for i in range(n):
        yield f"      s{i}: {{noop: true}}\n"


def chain(n):
    yield HEAD + "      s0: {noop: true}\n"
    for i in range(1, n):
        yield f"      s{i}: {{noop: true, needs: [s{i - 1}]}}\n"


def fan_in(n):
    yield from plain(n)
    yield "      last: {noop: true, needs: ["
    for i in range(n):
        yield f"s{i}, "
    yield "]}\n"


def generated(n):
    """As a program writes them: more than 100 bytes each."""
    yield HEAD
    for i in range(n):
        yield (f"      a-step-with-a-name-{i}: {{noop: true, "
               f'description: "number {i} of {n} that do nothing, and say so in many words"}}\n')


class Cost:
    def __init__(self, seconds, mib):
        self.seconds, self.mib = seconds, mib


def measure(orchmake, lines, args):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "Jobfile"), "w") as f:
            f.writelines(lines)
        child = subprocess.Popen([orchmake, *args, "all"], cwd=folder, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"Bail out! {' '.join(args)}: exit {child.returncode}")
        return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 25000
    orchmake = os.path.join(os.environ.get("top_builddir", "build"), "orchmake")
    shapes = [matrix, plain, generated, chain, fan_in]
    ways = [["-n"], ["-s"]]
    empty = measure(orchmake, plain(1), ["-s"])
    bad = 0
    print(f"1..{len(shapes) * len(ways)}")
    number = 0
    for shape in shapes:
        for args in ways:
            once, four = (measure(orchmake, shape(k), args) for k in (n, 4 * n))
            time = four.seconds / max(once.seconds, SMALL_S)
            memory = four.mib / once.mib
            good = time <= GROWTH and memory <= MEMORY_GROWTH
            bad += not good
            number += 1
            print(f"{'ok' if good else 'not ok'} {number} - {shape.__name__} {args[0]}, {n} and {4 * n} steps: "
                  f"{time:.1f} times the processor time, {memory:.1f} times the memory "
                  f"({four.seconds / (4 * n) * 1e6:.1f} us, {(four.mib - empty.mib) / (4 * n) * 2**20:.0f} bytes a step)",
                  flush=True)
    sys.exit(bad > 0)


main()
