#!/usr/bin/env python3
"""Runs the cases of tests/cases/plan and tells in TAP how they went.

A case is a folder: plan.json, expected.json (what must come of it), files/ to put beside the plan.  Each plan is
run as it is; then it is imported, and that exported as a plan again, and each must leave the same in the ledger:
states, attempts, exit codes.  Plans that load agree with the JSON Schema.
Cases mostly sleep, so many go at once; CASES_ONLY=TEXT takes those whose name holds it.
deviations.txt names cases that are not met, with the reason.
"""
import concurrent.futures, itertools, json, os, re, shutil, signal, subprocess, sys, tempfile, time

SOURCE = os.environ.get("top_srcdir", ".")
CASES = os.path.join(os.environ.get("TEST_CASES", os.path.join(SOURCE, "tests/cases")), "plan")
ORCHMAKE = os.path.join(os.environ.get("top_builddir", "."), "orchmake")
AT_ONCE = 16
SLACK = 5.0  # this machine may be slow, and does many things at once
# Finer states count as the coarse one that a plan knows.
FOLD = {"blocked": "skipped", "aborted": "canceled", "timed_out": "failed", "cached": "succeeded"}
CODES = {"success": [0], "failure": [1], "invalid": [2], "usage": [2], "interrupted": [130, 143]}


class Case:
    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(CASES, name)
        with open(os.path.join(self.folder, "expected.json")) as f:
            self.__dict__.update(json.load(f))

    def has_ledger(self):
        return self.expect.get("exit_class") in ("success", "failure")


def folder_for(case):
    work = tempfile.mkdtemp(prefix="plan-case-")
    shutil.copy(os.path.join(case.folder, "plan.json"), work)
    files = os.path.join(case.folder, "files")
    if os.path.isdir(files):
        shutil.copytree(files, work, dirs_exist_ok=True)
    return work


def environment(case, work):
    env = {k: v for k, v in os.environ.items() if k not in ("ORCHMAKE_LEDGER", "MAKEFLAGS", "MAKELEVEL")}
    env.update({k: v.replace("@WORK@", work) for k, v in case.env.items()})
    return env


class Ran:
    def __init__(self, argv, case, work, kill=None):
        began = time.time()
        p = subprocess.Popen([ORCHMAKE] + argv, cwd=work, env=environment(case, work), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        if kill:
            time.sleep(kill[1])
            os.kill(p.pid, getattr(signal, "SIG" + kill[0]))
        try:
            self.out, self.err = (b.decode("utf-8", "replace") for b in p.communicate(timeout=60 * SLACK))
            self.code = p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            self.out, self.err = (b.decode("utf-8", "replace") for b in p.communicate())
            self.code = None
        self.took = time.time() - began


def status_of(case, work):
    ran = Ran(["status", "last", "--format=json"], case, work)
    return json.loads(ran.out) if ran.code == 0 else {}


def order_log(work):
    path = os.path.join(work, "order.log")
    return [line.strip() for line in open(path)] if os.path.exists(path) else []


def position(log, text):
    """Where `s a` stands, or its Nth occurrence as `s a#N`."""
    word, _, n = text.partition("#")
    at = -1
    for _ in range(int(n or 1)):
        if word not in log[at + 1:]:
            return None
        at = log.index(word, at + 1)
    return at


def is_before(log, a, b):
    a, b = position(log, a), position(log, b)
    return a is not None and b is not None and a < b


def peak(log):
    now = most = 0
    for line in log:
        now += 1 if line.startswith("s ") else -1
        most = max(most, now)
    return most


def check_status(expect, status):
    if expect.get("run_state") and status.get("run_state") != expect["run_state"]:
        yield "run_state %s, not %s" % (status.get("run_state"), expect["run_state"])
    if expect.get("no_run_record") and status:
        yield "a run was recorded"
    for field in ("steps", "attempts", "exit_codes", "attempt_states"):
        for key, want in (expect.get(field) or {}).items():
            got = status.get(field, {}).get(key)
            if (FOLD.get(got, got) if isinstance(got, str) else got) != want:
                yield "%s[%s] is %s, not %s" % (field, key, got, want)
    for key, want in (expect.get("run_record") or {}).items():
        if status.get(key) != want:
            yield "%s is %s, not %s" % (key, status.get(key), want)
    for event in expect.get("events_include") or []:
        if event not in status.get("events", []):
            yield "no event %s" % event


def check_order(expect, log):
    for a, b in expect.get("order") or []:
        if not is_before(log, "e " + a, "s " + b):
            yield "%s did not end before %s started" % (a, b)
    for a, b in expect.get("order_events") or []:
        if not is_before(log, a, b):
            yield "%s not before %s" % (a, b)
    for a, b in expect.get("overlap") or []:
        if not (is_before(log, "s " + a, "e " + b) and is_before(log, "s " + b, "e " + a)):
            yield "%s and %s did not overlap" % (a, b)
    for a, b in expect.get("no_overlap") or []:
        if not (is_before(log, "e " + a, "s " + b) or is_before(log, "e " + b, "s " + a)):
            yield "%s and %s overlapped" % (a, b)
    if expect.get("max_parallel") and peak(log) != expect["max_parallel"]:
        yield "at most %d at once, not %d" % (peak(log), expect["max_parallel"])


def check_files(expect, work):
    for name, want in (expect.get("files") or {}).items():
        path = os.path.join(work, name)
        have = open(path, encoding="utf-8", errors="surrogateescape").read() if os.path.exists(path) else None
        if have is None or not (re.match(want[3:], have, re.S) if want.startswith("re:") else have == want):
            yield "file %s is %r" % (name, have)
    for name in expect.get("absent") or []:
        if os.path.exists(os.path.join(work, name)):
            yield "file %s exists" % name


def check_ran(case, ran, status):
    expect = case.expect
    wanted = CODES.get(expect.get("exit_class"))
    if ran.code is None:
        yield "it did not end"
    elif wanted and ran.code not in wanted:
        yield "exit %s, not %s" % (ran.code, wanted)
    text = ran.out + ran.err + status.get("errors", "")
    for part in expect.get("error_contains") or []:
        if part not in text:
            yield "no text %r" % part
    if expect.get("max_elapsed") and ran.took > expect["max_elapsed"] * SLACK:
        yield "took %.1f s" % ran.took
    if expect.get("min_elapsed") and ran.took < expect["min_elapsed"]:
        yield "took only %.1f s" % ran.took


def run_plan(case, work):
    ran = Ran(["-f", case.plan_arg] + case.argv, case, work, case.signal_after)
    status = status_of(case, work)
    bad = list(check_ran(case, ran, status)) + list(check_status(case.expect, status))
    bad += list(check_order(case.expect, order_log(work))) + list(check_files(case.expect, work))
    return status, bad, ran.err


def same(a, b, field):
    if a.get(field) != b.get(field):
        yield "%s differ: %s as a plan, %s as a Jobfile" % (field, a.get(field), b.get(field))


def run_again(case, status, argv):
    """In a folder of its own: make() it there, run it, and say what is different."""
    work = folder_for(case)
    try:
        os.unlink(os.path.join(work, "plan.json"))
        said = []
        for name, args in argv:
            ran = Ran(args, case, work)
            said += [ran.err, ran.out]
            if ran.code != 0:
                return ["%s: exit %s" % (" ".join(args), ran.code)], "\n".join(said)
            with open(os.path.join(work, name), "w") as f:
                f.write(ran.out)
        plan = json.load(open(os.path.join(case.folder, "plan.json"), encoding="utf-8-sig"))
        ran = Ran(["-f", name, "-j%d" % plan["globals"].get("max_concurrency", 1)], case, work)
        again = status_of(case, work)
        bad = list(check_order(case.expect, order_log(work))) + list(check_files(case.expect, work))
        for field in ("run_state", "steps", "attempts", "exit_codes", "attempt_states", "degraded"):
            bad += same(status, again, field)
        return bad, "\n".join([ran.err] + said)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def resolve(schema, ref):
    for part in ref[2:].split("/"):
        schema = schema[part]
    return schema


TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}


def is_type(value, name):
    if name in ("integer", "number"):
        return not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float))
    return isinstance(value, TYPES[name])


KNOWN = {"$ref", "type", "enum", "minimum", "maximum", "minLength", "pattern", "anyOf", "oneOf", "required",
         "properties", "additionalProperties", "items", "description", "title", "$schema", "$defs"}


def disagreements(value, schema, root, at="plan"):
    """What of value is not as the schema says; the part of JSON Schema that ours uses."""
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema:
        yield from disagreements(value, resolve(root, schema["$ref"]), root, at)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        yield "%s is no %s" % (at, " or ".join(types))
    if "enum" in schema and value not in schema["enum"]:
        yield "%s is none of %s" % (at, schema["enum"])
    if is_type(value, "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield "%s is out of bounds" % at
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0) or not re.search(schema.get("pattern", ""), value):
            yield "%s is not such a text" % at
    for word, right in (("anyOf", lambda n: n > 0), ("oneOf", lambda n: n == 1)):
        if word in schema and not right(sum(not list(disagreements(value, s, root, at)) for s in schema[word])):
            yield "%s fits %s wrongly" % (at, word)
    if isinstance(value, dict):
        yield from ("%s has no %s" % (at, key) for key in schema.get("required", []) if key not in value)
        for key, one in value.items():
            other = schema.get("additionalProperties", {})
            yield from disagreements(one, schema.get("properties", {}).get(key, other), root, at + "." + key)
    if isinstance(value, list):
        for i, one in enumerate(value):
            yield from disagreements(one, schema.get("items", {}), root, "%s[%d]" % (at, i))


SCHEMA = json.loads(subprocess.run([ORCHMAKE, "schema", "plan"], capture_output=True, check=True).stdout)


def check_schema(path):
    with open(path, encoding="utf-8-sig") as f:
        return list(disagreements(json.load(f), SCHEMA, SCHEMA))


def run_case(name):
    case = Case(name)
    work = folder_for(case)
    plan = os.path.join(case.folder, "plan.json")
    imported = ("Jobfile", ["import", plan] + case.argv)
    exported = ("again.json", ["-f", "Jobfile", "export", "plan"])
    try:
        status, bad, said = run_plan(case, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    results = [("%s: %s" % (name, case.title), bad, said)]
    if not case.has_ledger() or case.signal_after or bad:
        return name, results
    results.append(("%s: it agrees with the schema" % name, check_schema(plan), ""))
    results.append(("%s: the same when imported" % name,) + run_again(case, status, [imported]))
    results.append(("%s: the same when exported again" % name,) + run_again(case, status, [imported, exported]))
    return name, results


def shipped_plans():
    """Plans of examples/ agree with the schema, and so does what is in them that is no case."""
    for folder, _, files in os.walk(os.path.join(SOURCE, "examples")):
        for name in sorted(files):
            path = os.path.join(folder, name)
            if not name.endswith(".json") or '"plan_id"' not in open(path).read():
                continue
            title = "%s: it agrees with the schema" % os.path.relpath(path, SOURCE)
            yield name, [(title, check_schema(path), "")]


def refused_by_schema():
    """A schema that takes everything would agree with all of them."""
    wrong = [{}, {"plan_id": 1, "version": "1", "globals": {}, "steps": []},
             {"plan_id": "p", "version": "1", "globals": {}, "steps": [{"id": "a"}]},
             {"plan_id": "p", "version": "1", "globals": {}, "steps": [{"id": "a", "command": "x", "retries": -1}]},
             {"plan_id": "p", "version": "1", "globals": {}, "steps": [{"id": "a", "command": "x", "args": [1]}]},
             {"plan_id": "p", "version": "1", "globals": {}, "steps": [{"id": "a", "step_def": {"type": "x"}}]},
             {"plan_id": "p", "version": "1", "globals": {"max_concurrency": "2"}, "steps": []}]
    taken = ["%s is taken" % json.dumps(w) for w in wrong if not list(disagreements(w, SCHEMA, SCHEMA))]
    return "schema", [("the schema refuses what is wrong", taken, "")]


def deviations():
    with open(os.path.join(CASES, "deviations.txt")) as f:
        return dict(line.strip().split(None, 1) for line in f if line.strip() and line[0] != "#")


def main():
    only = os.environ.get("CASES_ONLY", "")
    names = sorted(n for n in os.listdir(CASES) if only in n and os.path.isdir(os.path.join(CASES, n)))
    known, n, failed = deviations(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = itertools.chain(pool.map(run_case, names), shipped_plans(), [refused_by_schema()])
        for name, results in done:
            for title, bad, said in results:
                n += 1
                todo = " # TODO " + known[name] if name in known else ""
                failed += bool(bad and not todo)
                print("%sok %d - %s%s" % ("not " if bad else "", n, title.replace("#", "no. "), todo), flush=True)
                for line in bad + (said.splitlines() if bad else []):
                    print("#   " + line)
    print("# %d plans, %d checks, %d failed" % (len(names), n, failed))
    print("1..%d" % n)
    return 1 if failed or not names else 0


sys.exit(main())
