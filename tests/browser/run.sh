#!/usr/bin/env bash
# run.sh EASEL BUILD_FOLDER [CASE ...]: tests the page that EASEL holds, in Debian's chromium (or $CHROMIUM). Screenshots
# are left in BUILD_FOLDER/browser/screenshots. Exit code 77: skipped, the last line says why.
set -euo pipefail
easel=$1 build=$2/browser
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
[ -x "$CHROMIUM" ] || { echo "skipped: there is no $CHROMIUM (Debian: apt-get install chromium)"; exit 77; }

mkdir -p "$build"
exec 9>"$build/lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$build/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$build/"
  npm ci --prefix "$build" --no-audit --no-fund --loglevel=error
  cp "$here/package-lock.json" "$build/installed"
fi
if [ ! -d "$build/models/checkpoints" ] || [ "$easel" -nt "$build/models/checkpoints" ]; then
  rm -rf "$build/models"
  "$easel" synth "$build/models" >"$build/synth.log" 2>&1 || { cat "$build/synth.log"; exit 1; }
fi
rm -rf "$build/tests"
mkdir "$build/tests"
cp -r "$here"/*.mjs "$here/cases" "$build/tests/"
export EASEL_TEST_SUPPORT=$here/../support
export EASEL_PAGE=$here/../../web/dist
exec node "$build/tests/run.mjs" "$easel" "$build/models" "$build/screenshots" "$@"
