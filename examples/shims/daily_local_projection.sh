#!/bin/sh
# DEPRECATED, and frozen: the local store and its Markdown files are one composite job now, in jobfiles/pipelines.yml.
# Use: orchmake run pipeline.project
echo "daily_local_projection.sh is deprecated: use \`orchmake run pipeline.project\`" >&2
exec orchmake run pipeline.project "$@"
