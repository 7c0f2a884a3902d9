# Roots of releases of Debian, and commands in them. To be sourced, in the project's folder.

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Makes a root of a release, which is its name where none is given, with nothing but what is essential and apt. One that is
# there stays as it is. Prints its path.
root_of() {  # NAME [SUITE]
  local root=$PWD/build/roots/$1 suite=${2:-$1} mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
  if [ ! -d "$root" ]; then
    # Made under another name, so that one that was interrupted isn't taken for a whole one.
    as_root rm -rf "$root.part"
    mkdir -p build/roots
    echo "making a root of $suite from $mirror" >&2
    as_root debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.part" "$mirror" >"$root.log" ||
      { tail -5 "$root.log" >&2; return 1; }
    # What is unpacked needs not survive a power cut.
    echo force-unsafe-io | as_root tee "$root.part/etc/dpkg/dpkg.cfg.d/unsafe-io" >/dev/null
    as_root mv "$root.part" "$root"
  fi
  as_root cp /etc/resolv.conf "$root/etc/resolv.conf"
  # Authorities that this machine trusts beside Debian's, such as those of a proxy.
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    as_root cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
    as_root chroot "$root" update-ca-certificates >/dev/null 2>&1
  fi
  echo "$root"
}

# Runs a command in a root, with SHARED (where there is such a folder) in its /work/shared. The mounts are in a namespace of
# their own: they end with the command, and nobody else sees them.
in_root() {  # ROOT SHARED COMMAND...
  # shellcheck disable=SC2016 # the inner shell's own
  as_root unshare --mount --pid --fork bash -euc '
    root=$1
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || true
    if [ -d "$2" ]; then mkdir -p "$root/work/shared"; mount --bind "$2" "$root/work/shared"; fi
    shift 2
    exec chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
      NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt ${CI:+CI="$CI"} "$@"
  ' in_root "$@"
}
