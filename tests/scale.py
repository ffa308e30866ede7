"""Big graphs, n steps and 4n: what four times as much costs, in processor time and memory.

	tests/scale.py [N]		25,000; make check-scale N=250000 goes to a million

Nothing here looks at a clock: what must hold is that the cost grows as the graph does, and what a step takes of
memory: bytes are the difference between the two sizes, so that what every process has is in neither.
"""
import json, os, resource, subprocess, sys, tempfile, threading

GROWTH = 8  # times as much for four times the steps: twice what is linear, far from the 16 of a square
SMALL_S = 0.05  # of processor time: less says nothing about growth
AT_ONCE = 10000

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


def said(i, n):
    """As a program writes them: more than 100 bytes each."""
    return f"number {i} of {n} that do nothing, and say so in many words"


def generated(n):
    yield HEAD
    for i in range(n):
        yield f'      a-step-with-a-name-{i}: {{noop: true, description: "{said(i, n)}"}}\n'


def as_json(n):
    yield '{"jobfile": 1, "jobs": {"all": {"steps": {\n'
    for i in range(n):
        yield ("," if i else "") + f'"a-step-with-a-name-{i}": {{"noop": true, "description": "{said(i, n)}"}}\n'
    yield "}}}}\n"


def plan_steps(n, needs):
    """The first one fails, and so none of the others starts: a plan has no steps that do nothing."""
    yield '{"plan_id": "all", "version": "1.0", "globals": {}, "steps": [\n'
    for i in range(n):
        step = {"id": f"step-{i}", "name": f"number {i}", "description": said(i, n), "args": ["-x"],
                "command": "true" if i else "false"}
        if needs and i:
            step["depends_on"] = [f"step-{i - 1}"]
        yield ("," if i else "") + json.dumps(step) + "\n"
    yield "]}\n"


def plan(n):
    yield from plan_steps(n, False)


def plan_chain(n):
    yield from plan_steps(n, True)


def processes(n):
    """Their attempts are over when the next ones begin."""
    yield HEAD
    for i in range(n):
        yield f"      s{i}: {{argv: ['true']}}\n"


# Of each shape: how many of N, the document's name, how the run ends, and bytes a step: of -n and of -s.
SHAPES = [
    (matrix, 1, "Jobfile", 0, 400, 520),
    (plain, 1, "Jobfile", 0, 340, 500),
    (generated, 1, "Jobfile", 0, 430, 720),
    (as_json, 1, "Jobfile.json", 0, 620, 1100),
    (chain, 2, "Jobfile", 0, 600, 800),
    (fan_in, 1, "Jobfile", 0, 600, 800),
    (plan, 1, "plan.json", 1, 680, 1700),
    (plan_chain, 1, "plan.json", 1, 1200, 1900),
    (processes, 0.1, "Jobfile", 0, None, 1500),
]


class Cost:
    def __init__(self, used):
        self.seconds, self.bytes = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def spawn(command, folder, limits=None):
    def limit():
        for what, n in (limits or {}).items():
            resource.setrlimit(what, (n, n))
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=limit if limits else None)


def measure(orchmake, name, lines, args, ends=0):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, name), "w") as f:
            f.writelines(lines)
        child = spawn([orchmake, *args, "-f", name, "all"], folder)
        child.stderr.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != ends:
            raise SystemExit(f"Bail out! {' '.join(args)} {name}: exit {child.returncode}")
        return Cost(used)


class Tap:
    def __init__(self, n):
        self.number = self.bad = 0
        print(f"1..{n}")

    def say(self, good, text):
        self.number += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {text}", flush=True)


def grows(tap, orchmake, n, shape, name, ends, args, most):
    once, four = (measure(orchmake, name, shape(k), args, ends if "-s" in args else 0) for k in (n, 4 * n))
    time = four.seconds / max(once.seconds, SMALL_S)
    each = (four.bytes - once.bytes) / (3 * n)
    tap.say(time <= GROWTH and each <= most,
            f"{shape.__name__} {args[0]}, {n} and {4 * n} steps: {time:.1f} times the processor time (at most {GROWTH}), "
            f"{each:.0f} bytes a step (at most {most}); {four.seconds / (4 * n) * 1e6:.1f} us a step")


def running(folder):
    """How many steps wait at the gate: each has said so with a byte."""
    return os.path.getsize(os.path.join(folder, "here"))


def at_once(tap, orchmake):
    """As many processes as there are steps, with 64 descriptors: none goes on before all of them are there."""
    axis = ", ".join(str(i) for i in range(int(AT_ONCE ** 0.5)))
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(os.path.join(folder, "gate"))
        open(os.path.join(folder, "here"), "w").close()
        with open(os.path.join(folder, "Jobfile"), "w") as f:
            f.write("jobfile: 1\njobs:\n  all: {run: 'printf . >>here; read x <gate || :', "
                    f"matrix: {{a: [{axis}], b: [{axis}]}}}}\n")
        child = spawn([orchmake, "-s", f"-j{AT_ONCE}", "all"], folder, {resource.RLIMIT_NOFILE: 64})
        drain = threading.Thread(target=child.stderr.read)
        drain.start()
        ended = threading.Thread(target=child.wait)
        ended.start()
        while running(folder) < AT_ONCE and ended.is_alive():
            ended.join(0.2)
        there = running(folder)
        gate = os.open(os.path.join(folder, "gate"), os.O_RDWR)
        os.write(gate, b"\n" * AT_ONCE)  # one for each, whether it has come to open it or not
        ended.join()
        drain.join()
        os.close(gate)
        tap.say(there == AT_ONCE and child.returncode == 0,
                f"{AT_ONCE} processes at once with 64 descriptors: {there} were there, exit {child.returncode}")


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 25000
    orchmake = os.path.abspath(os.path.join(os.environ.get("top_builddir", "build"), "orchmake"))
    cases = [(share, [shape, name, ends, args, most]) for shape, share, name, ends, *bounds in SHAPES
             for args, most in zip((["-n"], ["-s"]), bounds) if most]
    tap = Tap(len(cases) + 1)
    for share, case in cases:
        grows(tap, orchmake, int(n * share), *case)
    at_once(tap, orchmake)
    sys.exit(tap.bad > 0)


main()
