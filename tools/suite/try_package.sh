#!/usr/bin/env bash
# Tries the package as its users do, in a fresh root of a release of Debian:
#   try_package.sh SUITE EASEL.deb
# It is installed by apt and draws a picture with no other step; a server that its unit's command starts does one job and
# keeps another waiting; it is upgraded, and both jobs, the picture and the settings are still there; it is removed, and
# nothing stays but what its user made.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
deb=$(realpath "$2")
cd "$here/../.."
# shellcheck source=tools/suite/roots.sh
source "$here/roots.sh"

pristine=$(root_of "$1.pristine" "$1")
root=$PWD/build/roots/$1.trial
as_root rm -rf "$root"
as_root cp -a "$pristine" "$root"
as_root mkdir "$root/packages"

# The release before is the same under an older number: it is what an upgrade does that is tried.
older=$(mktemp -d)
trap 'rm -rf "$older"' EXIT
dpkg-deb -R "$deb" "$older/tree"
sed -i 's/^Version: .*/&~before/' "$older/tree/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip --build "$older/tree" "$older/before.deb" >/dev/null
as_root cp "$older/before.deb" "$root/packages/before.deb"
as_root cp "$deb" "$root/packages/easel.deb"
as_root cp docs/pictures/img2img.jpg "$root/packages/photo.jpg"
as_root cp "$here/trial.sh" "$root/packages/trial.sh"
in_root "$root" /nowhere bash /packages/trial.sh
as_root rm -rf "$root"
