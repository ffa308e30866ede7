#!/bin/sh
# A sample of what `make check-deaths` does at every call.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/deaths.py" driver=6 warden=4 both=3 guard=3 cancel=3 finish=4 resume=4 apply=2 retry=2 gc=3 ahead=3 ahead_warden=4 ahead_both=3 ahead_guard=4
