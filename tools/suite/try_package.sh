#!/usr/bin/env bash
# Tries what ./dev package makes as its users do, in a fresh root of a release of Debian or Ubuntu:
#   try_package.sh SUITE EASEL.tar.xz [EASEL.deb]
# The archive is unpacked and draws a picture, with nothing installed. The package is installed by apt and draws one with no
# other step; a server that its unit's command starts does one job and keeps another waiting; it is upgraded, and both jobs,
# the picture and the settings are still there; it is removed, and nothing stays but what its user made. Then the root is
# started as a machine of its own, where systemd runs the unit.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
archive=$(realpath "$2") deb=${3:+$(realpath "$3")}
cd "$here/../.."
# shellcheck source=tools/suite/roots.sh
source "$here/roots.sh"

pristine=$(root_of "$1.pristine" "$1")
root=$PWD/build/roots/$1.trial

# A root in which nothing was done yet, with what is tried in its /packages.
fresh_root() {
  as_root rm -rf "$root"
  as_root cp -a "$pristine" "$root"
  as_root mkdir "$root/packages"
  as_root cp "$here"/trial*.sh docs/service.md "$root/packages"
  [ -z "$deb" ] || as_root cp "$deb" "$root/packages/easel.deb"
}

fresh_root
as_root cp "$archive" "$root/packages/easel.tar.xz"
as_root cp docs/pictures/img2img.jpg "$root/packages/photo.jpg"
in_root "$root" /nowhere bash /packages/trial_of_archive.sh
if [ -z "$deb" ]; then
  echo "there is no Debian package for $1 (./dev package --suite $1 makes one): only the archive was tried"
  as_root rm -rf "$root"
  exit
fi

# The release before is the same under an older number: it is what an upgrade does that is tried.
older=$(mktemp -d)
trap 'rm -rf "$older"' EXIT
dpkg-deb -R "$deb" "$older/tree"
sed -i 's/^Version: .*/&~before/' "$older/tree/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip --build "$older/tree" "$older/before.deb" >/dev/null
as_root cp "$older/before.deb" "$root/packages/before.deb"
in_root "$root" /nowhere bash /packages/trial.sh

fresh_root
in_root "$root" /nowhere bash -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq
  apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus curl /packages/easel.deb >/dev/null
  cat >/etc/systemd/system/trial.service <<"UNIT"
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /packages/trial_of_service.sh
StandardOutput=file:/packages/service.log
StandardError=inherit
[Install]
WantedBy=default.target
UNIT
  systemctl enable --quiet trial.service'
# With a network of its own: nobody else has the server's port there.
as_root timeout 300 systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --private-network --boot </dev/null >"$root.log" 2>&1 || true
cat "$root/packages/service.log"
[ -e "$root/packages/service.passed" ] || { tail -20 "$root.log" >&2; exit 1; }
as_root rm -rf "$root"
