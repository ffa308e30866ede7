#!/bin/sh
# The crash test as part of `make check`: 150 kills.  `make check-crash N=1000` does more.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/crash.py" 150
