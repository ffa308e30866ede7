#!/bin/sh
# DEPRECATED, and frozen: measurements and observations are one composite job now, in jobfiles/pipelines.yml.
# Use: orchmake run pipeline.formation
echo "daily_formation.sh is deprecated: use \`orchmake run pipeline.formation\`" >&2
exec orchmake run pipeline.formation "$@"
