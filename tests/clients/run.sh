#!/usr/bin/env bash
# run.sh EASEL BUILD_FOLDER SCRIPT.mjs [fleet]: runs a script of this folder against a server of its own, or against a front
# end of a fleet, with a runner in another process. The script finds the server's address in $EASEL_URL, its folders in
# $EASEL_FOLDER. Exit code 77: skipped, the last line says why.
set -euo pipefail
easel=$1 build=$2/clients script=$3 fleet=${4:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done

mkdir -p "$build"
exec 9>"$build/lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$build/installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$build/"
  npm ci --prefix "$build" --no-audit --no-fund --loglevel=error || { echo "skipped: npm could not install the clients"; exit 77; }
  cp "$here/package-lock.json" "$build/installed"
fi
# A script may have models of its own, which SCRIPT_models.mjs makes.
models=$build/models own=$here/${script%.mjs}_models.mjs
if [ -e "$own" ]; then
  models=$build/${script%.mjs}-models
  if [ ! "$models" -nt "$own" ]; then
    rm -rf "$models" "$models.part"
    node "$own" "$easel" "$models.part"
    mv "$models.part" "$models"
  fi
elif [ ! -d "$models/checkpoints" ]; then
  "$easel" synth "$models" --only v1-5-pruned --only vae-ft-mse >/dev/null
fi
flock -u 9
exec 9>&-

export EASEL_BUILT_IN_MODELS=  # what is tested does not depend on which there are
folder=$(mktemp -d "$build/run-XXXXXX")
server= runner= postgres_pid= database=
stop() {
  local process
  for process in $server $runner $postgres_pid; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  rm -rf "$folder" "$database"
}
trap stop EXIT
"$easel" pictures "$folder/input" --size 96 >/dev/null
if [ "$fleet" = fleet ]; then
  . "$here/../support/postgres.sh"
  database=$(mktemp -d "${TMPDIR:-/tmp}/easel-postgres-XXXXXX")  # where its own user gets in
  start_postgres "$database" || { [ $? = 77 ] && echo "skipped: PostgreSQL is not installed" && exit 77; exit 1; }
  export EASEL_STORE=$postgres_url
  (umask 077 && echo a-token-of-the-fleet >"$folder/token")
  mkdir "$folder/output" "$folder/none"
  # It has no models: those of the runner are all there are.
  "$easel" serve --port 0 --models "$folder/none" --fleet-token-file "$folder/token" --name front --user-dir "$folder/user" \
    >"$folder/ready" 2>"$folder/log" &
  server=$!
  "$easel" runner --models "$models" --fleet-token-file "$folder/token" --name runner --cache "$folder/cache" \
    >"$folder/runner" 2>"$folder/runner.log" &
  runner=$!
else
  "$easel" serve --port 0 --models "$models" --input "$folder/input" --output "$folder/output" \
    --temp "$folder/temp" --user-dir "$folder/user" >"$folder/ready" 2>"$folder/log" &
  server=$!
fi
for _ in $(seq 200); do
  grep -q 'ready at' "$folder/ready" && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/log"; echo "the server did not start"; exit 1; }
  sleep 0.05
done
EASEL_URL=$(sed -n 's/.*ready at //p' "$folder/ready")
if [ "$fleet" = fleet ]; then
  for _ in $(seq 200); do
    grep -q 'takes jobs' "$folder/runner" && curl -s "$EASEL_URL/models/checkpoints" | grep -q safetensors && break
    kill -0 "$runner" 2>/dev/null || { cat "$folder/runner.log"; echo "the runner did not start"; exit 1; }
    sleep 0.05
  done
  for picture in "$folder"/input/*; do curl -sf -F "image=@$picture" "$EASEL_URL/upload/image" >/dev/null; done
fi
cp "$here"/*.mjs "$folder/"
ln -s "$build/node_modules" "$folder/node_modules"
export EASEL_URL EASEL_FOLDER=$folder EASEL_DOCS=$here/../../docs
if ! timeout 240 node "$folder/$script"; then
  echo "--- server's log"; tail -15 "$folder/log"
  [ -z "$runner" ] || { echo "--- runner's log"; tail -15 "$folder/runner.log"; }
  exit 1
fi
# A graceful stop ends with 0.
for process in $runner $server; do
  kill -TERM "$process"
  wait "$process"
done
server= runner=
