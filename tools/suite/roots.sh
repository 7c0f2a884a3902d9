# Roots of releases of Debian and Ubuntu, and commands in them. To be sourced, in the project's folder.

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

is_ubuntu() { case "$1" in jammy | noble | oracular | plucky | questing | resolute) ;; *) return 1 ;; esac; }

# The keys by which Ubuntu's archive is signed, as debootstrap reads them. Debian has no package of them, so they come from
# that archive, and must be the bytes that were looked at when this was written.
ubuntu_keys() {  # MIRROR
  local keys=/usr/share/keyrings/ubuntu-archive-keyring.gpg folder=$PWD/build/roots/ubuntu-keyring
  [ -f "$keys" ] && { echo "$keys"; return; }
  if [ ! -f "$folder$keys" ]; then
    mkdir -p "$folder"
    curl -sSf -o "$folder/keys.deb" "$1/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
    echo "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8  $folder/keys.deb" | sha256sum --check --quiet >&2
    dpkg -x "$folder/keys.deb" "$folder"
  fi
  echo "$folder$keys"
}

# Makes a root of a release, which is its name where none is given, with nothing but what is essential and apt. One that is
# there stays as it is. Prints its path.
root_of() {  # NAME [SUITE]
  local root=$PWD/build/roots/$1 suite=${2:-$1} mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian} options=()
  if is_ubuntu "$suite"; then
    mirror=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
    options=(--components=main,universe "--keyring=$(ubuntu_keys "$mirror")")
  fi
  if [ ! -d "$root" ]; then
    # Made under another name, so that one that was interrupted isn't taken for a whole one.
    as_root rm -rf "$root.part"
    mkdir -p build/roots
    echo "making a root of $suite from $mirror" >&2
    # Its own script, if this debootstrap has none for so new a release, is that of all of the same maker.
    local script=sid
    is_ubuntu "$suite" && script=gutsy
    [ -e "/usr/share/debootstrap/scripts/$suite" ] && script=$suite
    as_root debootstrap --variant=minbase --include=ca-certificates "${options[@]}" "$suite" "$root.part" "$mirror" \
      "/usr/share/debootstrap/scripts/$script" >"$root.log" || { tail -5 "$root.log" >&2; return 1; }
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
