#!/usr/bin/env bash
# Runs ./dev of this checkout in a root of another release of Debian:
#   in_root.sh SUITE COMMAND [ARGS]
# The root is made by debootstrap in build/roots/SUITE, and kept: what was installed and built there is there again the
# next time. Packages that are made there come back to build/packages/SUITE.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cd "$here/../.."
# shellcheck source=tools/suite/roots.sh
source "$here/roots.sh"

suite=$1
shift
root=$(root_of "$suite")

# The checkout as it is, beside what was built of it there.
as_root mkdir -p "$root/work/easel" "$root/work/shared"
as_root find "$root/work/easel" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git ls-files --cached --others --exclude-standard -z |
  tar --null --no-recursion --files-from=- --ignore-failed-read -c |
  as_root tar -x -C "$root/work/easel" --no-same-owner
as_root git clone --quiet --bare "$(git rev-parse --path-format=absolute --git-common-dir)" "$root/work/easel/.git"
as_root git -C "$root/work/easel" config core.bare false
as_root git -C "$root/work/easel" update-ref --no-deref HEAD "$(git rev-parse HEAD)"
as_root git -C "$root/work/easel" add --all  # what the checks of ./dev look at

status=0
in_root "$root" "$(realpath ../shared)" /work/easel/dev "$@" || status=$?
if [ -d "$root/work/easel/build/packages" ]; then
  mkdir -p "build/packages/$suite"
  cp "$root"/work/easel/build/packages/*.* "build/packages/$suite/"
fi
exit "$status"
