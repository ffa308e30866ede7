#!/usr/bin/env python3
"""Runs every vector of tests/cases/pm through the compiler of intents and compares the answers exactly.

usage: pm_vectors.py CASES ORCHMAKE-DATA

Ids and the clock are those of the vectors (orchmake-data --reproducible).  Where orchmake differs on purpose, deviations.json
beside the vectors says why, and what it answers instead: `error`, or `differs`, the paths that differ with orchmake's
value (null: it has nothing there).  A deviation that does not happen any more is a failure as well.

plan_hash is never that of the vectors, which covers random ids; that it depends on the content alone is checked here.
"""
import json
import os
import subprocess
import sys

CLOCK = "2026-01-02T03:04:05.678901+00:00"


def ask(program, given, seq):
    env = {k: v for k, v in os.environ.items() if k != "ORCHMAKE_STORES"}
    argv = [program, "workman"]
    if seq is not None:
        env.update(ORCHMAKE_TEST_SEQ=str(seq), ORCHMAKE_TEST_CLOCK=CLOCK)
        argv.insert(1, "--reproducible")
    done = subprocess.run(argv, input=json.dumps(given), capture_output=True, text=True, env=env)
    if done.returncode not in (0, 1):
        raise SystemExit(f"exit {done.returncode}: {done.stderr}")
    answer = json.loads(done.stdout)
    if (done.returncode == 1) != ("error" in answer):
        raise SystemExit(f"exit {done.returncode} with {answer}")
    return answer


def differences(path, want, got, out):
    """Paths of what differs, with what there is."""
    if type(want) is type(got) is dict:
        if "/payload" in path and list(want) != list(got) and not set(want) ^ set(got):
            out[path + "/(order)"] = list(got)
        for key in [*want, *(k for k in got if k not in want)]:
            differences(f"{path}/{key}", want.get(key), got.get(key), out)
    elif type(want) is type(got) is list and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            differences(f"{path}/{i}", w, g, out)
    elif want != got or type(want) is not type(got):
        out[path] = got


def hashes_aside(answer):
    """The answer as the vectors have it: the hash by itself, and what is said twice only once."""
    answer = json.loads(json.dumps(answer))
    items = answer.get("items", [])
    hashes = [answer.pop("plan_hash", None)]
    if items and isinstance(items[0], dict) and "plan" in items[0]:
        hashes.append(items[0].pop("plan_hash"))
        if "diff" in answer and answer.pop("diff") != items[0]["diff"]:
            raise SystemExit("the diff is said twice, and not alike")
    return answer, {h for h in hashes if h}


def judge(case, answer, again):
    """What orchmake does otherwise, as deviations.json has it; empty if nothing."""
    want = case["expected"]
    if "error" in answer:
        text = answer["error"]["message"]
        if "error_class" in want and text == f"{want['error_class']}: {want['message']}":
            return {}
        return {"error": text}
    if "result" not in want:
        return {"differs": {"": "an answer, where the original fails"}}
    got, hashes = hashes_aside(answer)
    other = hashes_aside(again)[1]
    if case["variant"] in ("raw-ops", "envelope") and (len(hashes) != 1 or hashes != other):
        return {"differs": {"/plan_hash": sorted(hashes | other)}}
    differs = {}
    differences("", hashes_aside(want["result"])[0], got, differs)
    return {"differs": differs} if differs else {}


def load(folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            yield name[: -len(".json")], json.load(f)


def main():
    cases, program = sys.argv[1:3]
    with open(os.path.join(cases, "deviations.json"), encoding="utf-8") as f:
        deviations = json.load(f)
    counts, bad = {"exact": 0, "deviates as listed": 0}, []
    for kind in ("raw-ops", "envelope", "events"):
        for name, case in load(os.path.join(cases, kind)):
            case_id = f"{kind}/{name}"
            given = dict(case["input"])
            if "intent" in given:
                given["op"] = "pm.compile_intent"
            found = judge(case, ask(program, given, 0), ask(program, given, 5000))
            listed = deviations.pop(case_id, {})
            if found != {k: v for k, v in listed.items() if k != "why"}:
                bad.append((case_id, found))
            counts["deviates as listed" if listed else "exact"] += 1
    for case_id, found in bad:
        print(f"{case_id}: {json.dumps(found, ensure_ascii=False)}")
    for case_id in deviations:
        print(f"{case_id}: is in deviations.json, but there is no such vector")
    print(f"{sum(counts.values())} vectors: " + ", ".join(f"{n} {what}" for what, n in counts.items()), f"{len(bad)} wrong",
          sep=", ")
    return 1 if bad or deviations else 0


sys.exit(main())
