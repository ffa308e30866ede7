#!/bin/sh
# DEPRECATED, and frozen: the canonical tables are one composite job now, in jobfiles/pipelines.yml.
# Use: orchmake run pipeline.canonize
echo "daily_canonize.sh is deprecated: use \`orchmake run pipeline.canonize\`" >&2
exec orchmake run pipeline.canonize "$@"
