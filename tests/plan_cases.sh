#!/bin/sh
# Every case of tests/cases/plan: the plan as it is, and imported as a Jobfile.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/plan_cases.py"
