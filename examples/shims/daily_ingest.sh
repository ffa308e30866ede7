#!/bin/sh
# DEPRECATED, and frozen: the exports and the rules about them are one composite job now, in jobfiles/pipelines.yml.
# Use: orchmake run pipeline.ingest
echo "daily_ingest.sh is deprecated: use \`orchmake run pipeline.ingest\`" >&2
exec orchmake run pipeline.ingest "$@"
