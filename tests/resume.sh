#!/bin/sh
# The random test of resumption as part of `make check`.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/resume_random.py"
