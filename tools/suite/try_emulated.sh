#!/usr/bin/env bash
# Tries the package for another kind of processor where only an emulator plays it:
#   try_emulated.sh SUITE EASEL.deb
# A root gets what apt takes for the package in a release of Debian that has nothing yet, and nothing else, so that a
# dependency that the package does not name is missing. In it the program makes a picture with no other step.
# Packages are unpacked, not configured: their scripts would want more programs than the emulator runs at once.
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
suite=$1 deb=$(realpath "$2")
cd "$here/../.."
# shellcheck source=tools/suite/roots.sh
source "$here/roots.sh"
arch=$(dpkg-deb -f "$deb" Architecture)
emulator=qemu-$(dpkg-architecture -a"$arch" -qDEB_HOST_GNU_CPU 2>/dev/null)
root=$PWD/build/roots/$suite.$arch state=$PWD/build/roots/$suite.$arch.apt
as_root rm -rf "$root" "$state"

mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts"
: >"$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" >"$state/sources.list"
apt_there() {
  apt-get -qq -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
    -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::State::lists="$state/lists" \
    -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/parts" "$@"
}
apt_there update
apt_there install -y --no-install-recommends --download-only "$deb" >/dev/null
mkdir -p "$root/emulator" "$root/tmp" "$root/proc"
for package in "$state"/cache/archives/*.deb "$deb"; do as_root dpkg -x "$package" "$root"; done
as_root rm -rf "$state"

cp "$(command -v "$emulator")" "$root/emulator/"
ldd "$(command -v "$emulator")" | sed -nE 's/.*[ \t](\/[^ ]+) \(.*/\1/p' | xargs -I{} cp {} "$root/emulator/"
cp docs/pictures/img2img.jpg "$root/tmp/photo.jpg"
easel() {
  # shellcheck disable=SC2016 # the inner shell's own
  as_root unshare --mount bash -euc '
    mount --make-rprivate /
    mount -t proc proc "$1/proc"
    root=$1 emulator=$2
    shift 2
    cd "$root/tmp"
    # A processor without products of bf16, which the emulator computes slowly.
    exec env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8 QEMU_CPU=cortex-a72 chroot "$root" /emulator/ld-linux-x86-64.so.2 --library-path /emulator \
      "/emulator/$emulator" /usr/bin/easel "$@"
  ' easel "$root" "$emulator" "$@"
}
easel --version
easel img2img /tmp/photo.jpg --output /tmp/output --steps 3 -p "a lighthouse by the sea at dusk, watercolour"
pictures=$(find "$root/tmp/output" -name '*.png' -size +1k | wc -l)
[ "$pictures" = 1 ] || { echo "one picture was expected, there are $pictures" >&2; exit 1; }
as_root rm -rf "$root"
echo "it works"
