#!/bin/sh
# A sample of what `make check-deaths` does at every call.
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not installed"; exit 0; }
exec python3 "${top_srcdir:-.}/tests/deaths.py" driver:150 warden:80 both:300 guard:100 cancel:300 finish:250 resume:300 retry:400 gc:150
