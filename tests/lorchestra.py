#!/usr/bin/env python3
"""Runs every vector of tests/cases/lorchestra through orchmake, each in a folder of its own, and prints TAP.

A vector marked `keep` must come out as the original did.  For one that is marked otherwise (bug, better-message,
extension, warn, decide), and wherever orchmake differs on purpose, tests/cases/lorchestra/expectations.json says what is
expected and why; a vector that is neither kept nor named there fails, and so does an entry that names no vector.
"""
import ast
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "..")))
BUILD = os.path.abspath(os.environ.get("top_builddir", "build"))
ORCHMAKE = os.path.join(BUILD, "orchmake")
CASES = os.path.join(TOP, "tests/cases/lorchestra")
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""

with open(os.path.join(CASES, "expectations.json")) as f:
    EXPECTATIONS = json.load(f)
used = set()

# A callable that writes down what it is given and answers what the case says.
CALLABLE = """#!/bin/sh
name=$1
n=$(ls calls | wc -l)
cat >"calls/$(printf %04d "$n")-$name.txt"
printf '%s\\n' "$ORCHMAKE_IDEMPOTENCY_KEY" >"keys-$ORCHMAKE_STEP"
[ -e "fail-$name" ] && { cat "fail-$name" >&2; exit 1; }
cat "answer-$name.txt"
"""


class Difference(Exception):
    """What came out is not what was expected."""


def check(good, what):
    if not good:
        raise Difference(what)


def same(got, want, what):
    check(strict(got) == strict(want), f"{what}: got {json.dumps(got)}, wanted {json.dumps(want)}")


def strict(v):
    """True is not 1; 7 is 7.0."""
    if isinstance(v, bool):
        return ("bool", v)
    if isinstance(v, list):
        return [strict(x) for x in v]
    if isinstance(v, dict):
        return {k: strict(x) for k, x in v.items()}
    return v


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="orchmake-lorchestra.")
        os.mkdir(self.at("defs"))
        os.mkdir(self.at("defs/calls"))
        self.callables = {}
        self.native = {}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def at(self, name):
        return os.path.normpath(os.path.join(self.path, name))

    def write(self, name, text):
        path = self.at(os.path.join("defs", name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="") as f:
            f.write(text)

    def callable(self, name, script):
        self.callables[name] = {"argv": ["sh", "callable.sh", name]}
        if "raises" in script:
            self.write(f"fail-{name}", "error: %s\n" % script["raises"][1])
        else:
            answer = script["returns"]
            if isinstance(answer, dict):  # every answer has items
                answer = {"items": [], **answer}
            self.write(f"answer-{name}.txt", json.dumps(answer))

    def run(self, target, payload=None, ctx=None, options=()):
        doc = {"jobfile": 1, "callables": self.callables, "stores": {"raw": "raw.db", "wal": "wal.db"},
               "jobs": self.native}
        self.write("callable.sh", CALLABLE)
        self.write("native.json", json.dumps(doc))
        argv = [ORCHMAKE, "-f", "."] + list(options) + ["run", target, "--format=json",
                "--payload", json.dumps(payload or {}), "--ctx", json.dumps(ctx or {})]
        env = {k: v for k, v in os.environ.items() if not k.startswith("ORCHMAKE") and k != "MAKEFLAGS"}
        env["NO_COLOR"] = "1"
        p = subprocess.run(argv, cwd=self.at("defs"), env=env, capture_output=True, text=True, timeout=60)
        self.code, self.err = p.returncode, p.stderr
        self.result = json.loads(p.stdout) if p.stdout.strip().startswith("{") else None
        check(self.code != 2 or not os.path.exists(self.at("defs/.orchmake")), "a refused run left a ledger")
        return self

    def orchmake(self, *argv):
        env = {k: v for k, v in os.environ.items() if not k.startswith("ORCHMAKE") and k != "MAKEFLAGS"}
        return subprocess.run([ORCHMAKE, *argv], cwd=self.at("defs"), env=env, capture_output=True, text=True, timeout=60)

    def documents(self):
        for name in sorted(os.listdir(self.at("defs"))):
            if name.endswith((".yaml", ".yml", ".json")):
                with open(self.at("defs/" + name), newline="") as f:
                    if re.search(r'^ *[{"]*(job_id|pipeline_id|jobfile)"? *:', f.read(), re.M):
                        yield name

    def ledger(self, file):
        status = json.loads(self.orchmake("-f", file, "status", "last", "--format=json").stdout)
        return {k: status[k] for k in ("run_state", "degraded", "steps", "attempts", "exit_codes", "attempt_states")}

    def same_when_imported(self, target, payload=None, ctx=None):
        """As a native Jobfile it does what it did: the ledgers agree."""
        was = self.ledger(".")
        p = self.orchmake("import", *self.documents())
        check(p.returncode == 0, f"import: {p.stderr}")
        shutil.rmtree(self.at("defs/.orchmake"))
        shutil.rmtree(self.at("defs/calls"))
        os.mkdir(self.at("defs/calls"))
        self.write("Jobfile", p.stdout)
        p = self.orchmake("-f", "Jobfile", "run", target, "--payload", json.dumps(payload or {}), "--ctx",
                          json.dumps(ctx or {}))
        check(p.returncode == self.code, f"imported: exit {p.returncode}, not {self.code}: {p.stderr}")
        same(self.ledger("Jobfile"), was, "the ledger of what was imported")

    def calls(self):
        names = sorted(os.listdir(self.at("defs/calls")))
        return [{"callable": n[5:-4], "params": json.load(open(self.at("defs/calls/" + n)))} for n in names]

    def key(self, step):
        with open(self.at("defs/keys-" + step)) as f:
            return f.read().strip()


def statuses(result):
    word = {"succeeded": "completed", "cached": "completed", "skipped": "skipped"}
    never = {"aborted", "blocked", "canceled"}
    return {o["step_id"]: word.get(o["status"], "failed") for o in result["outcomes"] if o["status"] not in never}


def expectation(name, verdict):
    """The entry of expectations.json for a vector, or None: as the original."""
    e = EXPECTATIONS.get(name)
    if e is not None:
        used.add(name)
        check(e.get("why"), "its expectation gives no reason")
        return e
    check(verdict in (None, "keep"), f"marked '{verdict}' and expectations.json does not say what is expected")
    return None


def refused(f, text=None):
    check(f.code == 2, f"exit {f.code}, wanted 2: {f.err or f.result}")
    check(re.search(r"^[^ ]+:\d+:\d+: error: ", f.err, re.M), f"no place: {f.err}")
    check(text is None or text in f.err, f"does not say {text!r}: {f.err}")


# --- unit/ --------------------------------------------------------------------------------------------------------


def one_step(f, params, extra=None, step=None):
    f.callable("probe", {"returns": {"items": []}})
    doc = {"job_id": "j", "version": "2.0", **(extra or {}),
           "steps": [{"step_id": "s1", "op": "call", "params": {"callable": "probe", **params}, **(step or {})}]}
    f.write("j.json", json.dumps(doc))


def value_case(f, v, e, payload, ctx):
    """The value of `v` as a callable got it, or that it was refused; e: the entry that stands for the vector."""
    f.run("j", payload, ctx)
    want = e or v
    if want.get("runs_into") is not None:
        check(f.code == 1, f"exit {f.code}, wanted 1")
        check(want["runs_into"] in f.err, f"does not say {want['runs_into']!r}: {f.err}")
    elif "ok" in want:
        check(f.code == 0, f"exit {f.code}: {f.err}")
        same(f.calls()[-1]["params"].get("v"), want["ok"], "value")
        check(("warning" in f.err) == (v.get("verdict") == "warn" or bool(want.get("warns"))), f"warnings: {f.err}")
    else:
        refused(f, want.get("says"))


def resolve_compile(doc, v, e):
    with Folder() as f:
        extra = doc["self"] if v.get("self_data", True) is not None else {}
        one_step(f, {"v": v["value"]}, extra)
        value_case(f, v, e, doc["payload"], doc["ctx"])


def resolve_run(doc, v, e):
    with Folder() as f:
        steps = []
        for name, output in doc["step_outputs"].items():
            if isinstance(output, dict):
                f.callable("out-" + name, {"returns": output})
                steps.append({"step_id": name, "op": "call", "params": {"callable": "out-" + name}})
        f.callable("out-plan", {"returns": {"items": [1]}})
        steps.append({"step_id": "plan.compile", "op": "call", "params": {"callable": "out-plan"}})
        f.callable("probe", {"returns": {"items": []}})
        steps.append({"step_id": "s1", "op": "call", "params": {"callable": "probe", "v": v["value"]}})
        f.write("j.json", json.dumps({"job_id": "j", "version": "2.0", "steps": steps}))
        want = dict(e or v)
        if e is None and "error_class" in v:
            want["runs_into"] = ""
        value_case(f, v, want, {"left": "@payload.left"}, {})


def condition(doc, v, e):
    with Folder() as f:
        one_step(f, {}, step={"if": v["condition"]})
        f.run("j", doc["payload"], doc["ctx"])
        want = e or v
        if "ok" in want:
            check(f.code == 0, f"exit {f.code}: {f.err}")
            same(statuses(f.result)["s1"] == "completed", want["ok"], "condition")
        else:
            refused(f, want.get("says"))


def literal(doc, v, e):
    with Folder() as f:
        one_step(f, {"v": "@payload.absent ?? " + v["text"]})
        want = e or {"ok": ast.literal_eval(v["ok"])}
        value_case(f, v, want, {}, {})


def yaml_scalar(doc, v, e):
    with Folder() as f:
        f.callable("probe", {"returns": {"items": []}})
        f.write("j.yaml", "job_id: j\nversion: '2.0'\nsteps:\n- step_id: s1\n  op: call\n  params:\n    callable: probe\n"
                f"    v: {v['text']}\n")
        if e is None and "type" in v:
            e = {"ok": float(v["value"]) if v["type"] == "float" else v["value"]}
        value_case(f, v, e, {}, {})


def canonical(doc, v, e):
    """Through the hash that an idempotency key holds."""
    with Folder() as f:
        one_step(f, {"idempotency_key": "K", "v": "@payload.v"},
                 step={"idempotency": {"scope": "explicit", "include_payload_hash": True}})
        f.run("j", {"v": v["value"]})
        if e is not None and e.get("exit"):
            check(f.code == e["exit"], f"exit {f.code}: {f.err}")
            return
        check(f.code == 0, f"exit {f.code}: {f.err}")
        text = '{"idempotency_key":"K","v":%s}' % v["compact_json"]
        same(f.key("s1"), "explicit:K:" + hashlib.sha256(text.encode()).hexdigest()[:16], "key")


def item_key(doc, v, e):
    with Folder() as f:
        f.write("j.json", json.dumps({"job_id": "j", "version": "2.0", "steps": [
            {"step_id": "p", "op": "plan.build", "params": {"items": "@payload.items", "method": v["method"]}}]}))
        f.run("j", {"items": [v["item"]]})
        check(f.code == 0, f"exit {f.code}: {f.err}")
        op = f.result["plan"]["ops"][0]
        same(op["params"]["idempotency_key"], (e or v)["ok"], "key")


def step_key(doc, v, e):
    with Folder() as f:
        step = {"idempotency": v["config"]} if v["config"] is not None else {}
        one_step(f, v.get("params_override", doc["params"]), step=step)
        f.run("j")
        want = e or v
        if want.get("runs_into") is not None:
            check(f.code == 1 and want["runs_into"] in f.err, f"exit {f.code}: {f.err}")
        elif "ok" in want:
            check(f.code == 0, f"exit {f.code}: {f.err}")
            same(f.key("s1"), want["ok"].replace("RUN", f.result["run_id"]), "key")
        else:
            refused(f)


UNIT = {"resolve-compile": resolve_compile, "resolve-run": resolve_run, "conditions": condition, "literals": literal,
        "yaml-scalars": yaml_scalar, "canonical-hash": canonical, "idempotency-item": item_key,
        "idempotency-step": step_key}


def unit_cases():
    for name, run in UNIT.items():
        with open(f"{CASES}/unit/{name}.json") as fp:
            doc = json.load(fp)
        for i, v in enumerate(doc["vectors"]):
            text = next((v[k] for k in ("text", "condition", "item", "config") if k in v), v.get("value"))
            label = text if isinstance(text, str) else json.dumps(text)
            if "self_data" in v:
                label += " (nothing beside the steps)"
            if "params_override" in v:
                label += " (without params)"
            yield f"unit/{name}: {label}", v.get("verdict"), lambda e, run=run, doc=doc, v=v: run(doc, v, e)


# --- execute/scenarios/ -------------------------------------------------------------------------------------------------


def scenario(case, e):
    with Folder() as f:
        f.write("j.yaml", case["jobfile"])
        for name, text in case.get("files", {}).items():
            f.write(name, text)
        for name, script in case["script"]["callables"].items():
            f.callable(name, script)
        want = {**case["expected"], **(e or {})}
        for name, job in want.get("jobs", {}).items():
            f.native[name] = job
        for name, script in want.get("callables", {}).items():
            f.callable(name, script)
        f.run("j", case["input"]["payload"], case["input"]["ctx"])
        if (e or {}).get("refused") or (e is None or "exit" not in e) and want.get("phase") and not e:
            refused(f, want.get("says"))
            return
        code = want.get("exit", 0 if want.get("success") else 1)
        check(f.code == code, f"exit {f.code}, wanted {code}: {f.err}")
        check(want.get("says", "") in f.err, f"does not say {want.get('says')!r}: {f.err}")
        if "step_outcomes" in want and "statuses" not in want:
            want["statuses"] = {s["step_id"]: s["status"] for s in want["step_outcomes"]}
        if f.result is not None:
            same(statuses(f.result), want["statuses"], "outcomes")
            same(f.result["success"], code == 0, "success")
            same(f.result["degraded"], want.get("degraded", False), "degraded")
            for key, value in want.get("fields", {}).items():
                same(f.result.get(key), value, key)
        same(f.calls(), want.get("calls", case["callable_calls"]), "calls")
        for step, key in want.get("keys", {}).items():
            same(f.key(step), key, "idempotency key")
        if f.code != 2:
            f.same_when_imported("j", case["input"]["payload"], case["input"]["ctx"])


def scenario_cases():
    for name in sorted(os.listdir(f"{CASES}/execute/scenarios")):
        with open(f"{CASES}/execute/scenarios/{name}") as fp:
            case = json.load(fp)
        yield "scenario/" + case["case"], case["verdict"], lambda e, case=case: scenario(case, e)


# --- pipelines/ ---------------------------------------------------------------------------------------------------------


def pipeline_specs():
    specs = {}
    for name in sorted(os.listdir(f"{CASES}/pipelines")):
        with open(f"{CASES}/pipelines/{name}") as fp:
            case = json.load(fp)
        if case.get("definition"):
            specs[case["spec"]["pipeline_id"]] = case["spec"]
        elif "composites" in case:
            specs.setdefault("seed", case["composites"])
    return specs


def jobs_of(spec):
    for stage in spec.get("stages", []):
        yield from stage.get("jobs", [])
        yield from stage.get("loop", {}).get("jobs", [])


def child(f, name, script):
    """A native job that writes down that it ran, and with what payload."""
    outputs = script.get("outputs", {}).get(name)
    if outputs is not None:
        steps = []
        for step, output in outputs.items():
            output = output if isinstance(output, dict) else {"responses": output}
            f.write(f"output-{name}-{step}.txt", json.dumps(output))
            steps.append({"id": step, "run": f"echo {{}} >calls/0000-{name}-{step}.txt; cat output-{name}-{step}.txt",
                          "provides": {k: {"json": "." + k, "type": "json"} for k in output}})
        f.native[name] = {"steps": steps}
    elif name in script.get("fail", {}):
        f.callable(name, {"raises": ["E", script["fail"][name]]})
        f.native[name] = {"call": name, "with": "${{ payload }}"}
    elif name == "peek":
        f.native[name] = {"noop": True}
    else:
        f.callable(name, {"returns": {"stats": {}}})
        f.native[name] = {"call": name, "with": "${{ payload }}"}


def write_pipeline(f, spec, script, specs):
    f.write(spec["pipeline_id"] + ".json", json.dumps(spec))
    for name in jobs_of(spec):
        if name in specs:
            write_pipeline(f, specs[name], script, specs)
        elif name not in f.native:
            child(f, name, script)


def bare(result):
    """Without what differs from run to run, and which element of a loop a job was run for."""
    drop = ("duration_ms", "run_id", "degraded", "skipped", "stopped_early")
    out = {k: v for k, v in result.items() if k not in drop}
    if "pipeline_id" in out:
        out["job_id"] = out.pop("pipeline_id")
    out["failures"] = [{**x, "job_id": re.sub(r"\[\d+\]$", "", x["job_id"])} for x in out["failures"]]
    if "phase_results" in out:
        out["phase_results"] = {k: bare(v) for k, v in out["phase_results"].items()}
    return out


def pipeline(case, e, specs):
    with Folder() as f:
        script = case.get("script", {})
        write_pipeline(f, case["spec"], script, specs)
        f.run(case["spec"]["pipeline_id"], script.get("payload"))
        if (e or {}).get("refused"):
            refused(f, e.get("says"))
            return
        want = case.get("seed004_expected") or case["real"]["result"]
        want = {**want, **(e or {}).get("result", {})}
        check(f.result is not None, f"no result: {f.err}")
        got = bare(f.result)
        if "phases_completed" not in want:
            for key in ("phases_completed", "failed_phase", "phase_results"):
                got.pop(key, None)
        same(got, bare(want), "result")
        same(f.result["total"], sum(f.result[k] for k in ("succeeded", "failed", "skipped")), "total")
        check(f.code == (0 if want["success"] else 1), f"exit {f.code}")
        if not (e or {}).get("calls_differ"):
            ran = [c["callable"].split("-")[0] for c in f.calls()]
            same(sorted(ran), sorted(c["job_id"] for c in case["real"]["execute_calls"]), "jobs that ran")
        for want_call in (e or {}).get("calls", []):
            check(want_call in f.calls(), f"no such call: {want_call}; there are {f.calls()}")
        f.same_when_imported(case["spec"]["pipeline_id"], script.get("payload"))


def pipeline_cases():
    specs = pipeline_specs()
    seed = specs.pop("seed")
    for name in sorted(os.listdir(f"{CASES}/pipelines")):
        with open(f"{CASES}/pipelines/{name}") as fp:
            case = json.load(fp)
        if "spec" in case:
            yield "pipeline/" + case["case"], case.get("verdict"), lambda e, case=case: pipeline(case, e, specs)
    for name, spec in seed.items():
        yield "pipeline/seed004: " + name, None, lambda e, name=name: seed_composite(name, seed)


def seed_composite(name, seed):
    """All children of the seed's list, in the order of the stages."""
    with Folder() as f:
        specs = {k: {"pipeline_id": k, "description": "", **{x: v[x] for x in ("stages", "stop_on_failure") if x in v}}
                 for k, v in seed.items()}
        write_pipeline(f, specs[name], {}, specs)
        f.run(name)
        check(f.code == 0, f"exit {f.code}: {f.err}")
        want = []

        def flatten(spec):
            for job in jobs_of(spec):
                flatten(specs[job]) if job in specs else want.append(job)

        flatten(specs[name])
        same([c["callable"] for c in f.calls()], want, "children")


# --- cli/ -----------------------------------------------------------------------------------------------------------------


def transcript(case, e):
    """What a person typed.  expectations.json says for each what orchmake is to answer."""
    with Folder() as f:
        f.callable("workman", {"returns": {"items": [{"plan": {"ops": []}}], "diff": ["d"], "plan_hash": "h"}})
        for name in ("pm.plan", "pm.exec"):
            steps = [{"step_id": "plan_compile", "op": "call", "params": {
                "callable": "workman", "op": "pm.compile_intent", "ops": "@payload.ops"}}]
            if name == "pm.exec":
                steps.append({"step_id": "plans_submit", "op": "storacle.submit",
                              "params": {"plan": "@run.plan_compile.items[0].plan"}})
            f.write(name + ".json", json.dumps({"job_id": name, "version": "2.0", "steps": steps}))
        f.write("pipeline.ingest.json", json.dumps({"pipeline_id": "pipeline.ingest", "stages": [
            {"name": "s", "jobs": ["pm.none"]}]}))
        f.native["pm.none"] = {"noop": True}
        f.run("pm.none")
        shutil.rmtree(f.at("defs/.orchmake"))
        p = subprocess.run([ORCHMAKE, "-f", "."] + e["argv"], cwd=f.at("defs"), capture_output=True, text=True,
                           timeout=60, env={**os.environ, "NO_COLOR": "1"})
        check(p.returncode == e["exit"], f"exit {p.returncode}, wanted {e['exit']}: {p.stdout}{p.stderr}")
        check(e.get("says", "") in p.stdout + p.stderr, f"does not say {e.get('says')!r}: {p.stdout}{p.stderr}")
        same(len(f.calls()), e.get("calls", 0), "number of calls")


def transcript_cases():
    with open(f"{CASES}/cli/transcripts.json") as fp:
        doc = json.load(fp)
    seen = {}
    for case in doc["transcripts"]:
        label = " ".join(a if len(a) < 40 else a[:37] + "..." for a in case["argv"])
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            label += f" ({seen[label]})"
        yield "cli: " + label, "own", lambda e, case=case: transcript(case, e)


# --- the whole --------------------------------------------------------------------------------------------------------------


def run_case(name, verdict, run):
    e = expectation(name, verdict)
    if e is not None and e.get("left_out"):
        return "left out: " + e["why"]
    run(e)
    return None if e is None else e["why"]


def outcome(case):
    try:
        return run_case(*case), None
    except Exception as difference:  # whatever went wrong, the others are still run
        return None, difference


def main():
    cases = [c for make in (unit_cases, scenario_cases, pipeline_cases, transcript_cases) for c in make()
             if ONLY in c[0]]
    counts = {"kept": 0, "own expectation": 0, "left out": 0}
    bad = 0
    print(f"1..{len(cases) + (0 if ONLY else 1)}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(outcome, cases))
    for i, ((name, _, _), (note, difference)) in enumerate(zip(cases, outcomes), 1):
        label = name.replace("\n", " ").replace("#", "\\#")
        if difference is not None:
            bad += 1
            print(f"not ok {i} {label}\n# " + f"{type(difference).__name__}: {difference}".replace("\n", "\n# "))
            continue
        kind = "kept" if note is None else "left out" if note.startswith("left out") else "own expectation"
        counts[kind] += 1
        print(f"ok {i} {label}" + (f" # {note}" if note and ONLY else ""))
    if not ONLY:
        unused = sorted(set(EXPECTATIONS) - used)
        print(("not " if unused else "") + f"ok {len(cases) + 1} every expectation belongs to a vector"
              + "".join(f"\n# {u}" for u in unused))
        bad += bool(unused)
    print(f"# {len(cases)} vectors: " + ", ".join(f"{n} {k}" for k, n in counts.items()) + f", {bad} bad")
    sys.exit(bad > 0)


main()
