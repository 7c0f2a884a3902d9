#!/usr/bin/env bash
# unit.sh WEB_FOLDER: the tests of the page that need no browser. Exit code 77: skipped, the last line says why.
set -euo pipefail
cd "$1"
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 77; }
if [ ! -d node_modules ]; then
  npm ci --no-audit --no-fund --loglevel=error
fi
exec npm test
