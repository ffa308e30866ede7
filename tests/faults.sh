#!/bin/sh
# A sample of what `make check-faults` does to every call.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/faults.py" syscalls:60 files:40 memory:600 warden:10
