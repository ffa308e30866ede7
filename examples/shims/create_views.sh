#!/bin/sh
# DEPRECATED, and frozen: the views are one composite job now, in jobfiles/pipelines.yml.
# Use: orchmake run pipeline.views
echo "create_views.sh is deprecated: use \`orchmake run pipeline.views\`" >&2
exec orchmake run pipeline.views "$@"
