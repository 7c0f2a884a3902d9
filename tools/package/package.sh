#!/usr/bin/env bash
# Makes the Debian package and the archive that can be unpacked anywhere, from a built tree:
#   package.sh BUILD OUT [ARCH]
# ARCH: where the tree was built for another kind of processor, which qemu plays where the program is asked for its help.
# Both hold the same files. Two builds of one commit give the same bytes: times are the commit's, orders are sorted.
set -euo pipefail
build=$(realpath "$1") out=$(realpath -m "$2") arch=${3:-$(dpkg --print-architecture)}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -nE 's/^project\(easel VERSION ([0-9.]+).*/\1/p' "$root/CMakeLists.txt")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)} LC_ALL=C TZ=UTC
umask 022
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$out"

if [ "$arch" = "$(dpkg --print-architecture)" ]; then
  tools=''
  runnable() { echo "$1"; }
  libraries_of() { ldd "$@"; }
else
  triplet=$(dpkg-architecture -a"$arch" -qDEB_HOST_GNU_TYPE 2>/dev/null)
  tools=$triplet-
  export DEB_HOST_ARCH=$arch  # for dpkg-shlibdeps
  runnable() {
    mkdir -p "$stage/emulated"
    printf '#!/bin/sh\nexec qemu-%s -0 easel %q "$@"\n' "${triplet%%-*}" "$1" >"$stage/emulated/easel"
    chmod +x "$stage/emulated/easel"
    echo "$stage/emulated/easel"
  }
  libraries_of() {
    local loader file
    loader=$("${tools}readelf" -l "$1" | sed -nE 's/.*program interpreter: (.*)\]/\1/p')
    for file in "$@"; do "qemu-${triplet%%-*}" "$loader" --list "$file"; done
  }
fi

# The commands that have a page of their own.
commands() { "$easel" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z0-9]*\) .*/\1/p'; }

# What there is beside CMake's own install: pages of the manual and completions, made by the program itself.
install_tree() {  # FOLDER
  DESTDIR=$1 cmake --install "$build" --prefix /usr --strip >/dev/null
  easel=$(runnable "$1/usr/bin/easel")
  local share=$1/usr/share command
  mkdir -p "$share/man/man1"
  help2man --no-info --no-discard-stderr --name "image-conditioned diffusion, natively" "$easel" \
    --output "$share/man/man1/easel.1"
  for command in $(commands); do
    help2man --no-info --no-discard-stderr --version-string "easel $version" \
      --name "$("$easel" --help | sed -n "s/^  $command  *\(.*\)/\1/p")" \
      "$easel $command" --output "$share/man/man1/easel-$command.1"
  done
  sed -i -E "s|${easel%/*}/||g" "$share"/man/man1/*.1
  gzip -9n "$share"/man/man1/*.1
  install -D -m 644 /dev/stdin "$share/bash-completion/completions/easel" < <("$easel" completion bash)
  install -D -m 644 /dev/stdin "$share/zsh/vendor-completions/_easel" < <("$easel" completion zsh)
  install -D -m 644 /dev/stdin "$share/fish/vendor_completions.d/easel.fish" < <("$easel" completion fish)
  install -D -m 644 "$root/packaging/easel.desktop" "$share/applications/easel.desktop"
  install -D -m 644 "$root/web/public/easel.svg" "$share/icons/hicolor/scalable/apps/easel.svg"
}

make_deb() {
  local tree=$stage/deb doc=$stage/deb/usr/share/doc/easel depends
  install_tree "$tree"
  install -D -m 644 "$root/packaging/easel.service" "$tree/lib/systemd/system/easel.service"
  install -D -m 644 "$root/packaging/lintian-overrides" "$tree/usr/share/lintian/overrides/easel"
  install -m 644 "$root/packaging/copyright" "$doc/copyright"
  rm -f "$doc/LICENSE" "$doc/NOTICE"  # both are in the copyright file
  printf 'easel (%s) unstable; urgency=medium\n\n  * Version %s; the history is in the repository.\n\n -- %s  %s\n' \
    "$version" "$version" "The Easel authors <easel@localhost>" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
    gzip -9n >"$doc/changelog.gz"
  mkdir -p "$stage/control/debian" "$tree/DEBIAN"
  printf 'Source: easel\n\nPackage: easel\nArchitecture: any\n' >"$stage/control/debian/control"
  # What the program opens when it reads a picture is needed as well: a library that is linked with it all stands for it.
  mapfile -t opened <"$build/opened_libraries"
  "${tools}gcc" -shared -o "$stage/control/opened.so" -x c /dev/null -x none -Wl,--no-as-needed "${opened[@]}"
  depends=$(cd "$stage/control" && dpkg-shlibdeps -O "-e$tree/usr/bin/easel" -eopened.so 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
  sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$tree" | cut -f1)/" "$root/packaging/control" >"$tree/DEBIAN/control"
  for script in postinst prerm postrm; do install -m 755 "$root/packaging/$script" "$tree/DEBIAN/$script"; done
  (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
  find "$tree" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/easel_${version}_$arch.deb" >/dev/null
  echo "$out/easel_${version}_$arch.deb"
}

# What every system has: the C library, and the compiler's, which may not be older than the program and its libraries
# need. Beside them a newer one of the system's, which its graphics drivers need, could not be loaded.
of_the_system() {  # LIBRARY
  case "$1" in
    libc.so.* | libm.so.* | ld-linux* | libpthread.so.* | libdl.so.* | librt.so.* | libresolv.so.* | libstdc++.so.* | libgcc_s.so.*) ;;
    *) return 1 ;;
  esac
}

# With every library beside the program that not every system has, found by paths relative to the files that need them.
make_archive() {
  local name=easel-$version-linux-$arch tree=$stage/archive library
  install_tree "$stage/tree"
  mkdir -p "$tree/$name/lib" && cp -a "$stage/tree/usr/." "$tree/$name"
  install -m 644 "$root/packaging/easel.service" "$tree/$name/share/easel/easel.service"
  # Those that the program opens when it reads a picture, and theirs, too.
  mapfile -t opened <"$build/opened_libraries"
  "${tools}gcc" -shared -o "$stage/opened.so" -x c /dev/null -x none -Wl,--no-as-needed "${opened[@]}"
  libraries_of "$tree/$name/bin/easel" "$stage/opened.so" | sed -nE 's/.*=> (\/[^ ]+) .*/\1/p' | sort -u | while read -r library; do
    of_the_system "$(basename "$library")" || install -m 644 "$(realpath "$library")" "$tree/$name/lib/$(basename "$library")"
  done
  # By the newer tag, which does not hold for the libraries of the system that the program opens.
  patchelf --set-rpath '$ORIGIN/../lib' "$tree/$name/bin/easel"
  for library in "$tree/$name"/lib/*; do patchelf --set-rpath '$ORIGIN' "$library"; done
  tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=gnu -c "$name" |
    xz -T1 -6 >"$out/$name.tar.xz"
  echo "$out/$name.tar.xz"
  echo "  runs where there are $(needed_versions "$tree/$name"/bin/* "$tree/$name"/lib/*)"
}

# The newest versions of the system's libraries' symbols that these files need, such as "GLIBC_2.35 GLIBCXX_3.4.30".
needed_versions() {  # FILES
  local kind
  for kind in GLIBC GLIBCXX; do
    "${tools}objdump" -T "$@" | sed -nE "s/.*\\b(${kind}_[0-9.]+)\\b.*/\\1/p" | sort -Vu | tail -1
  done | paste -sd' '
}

make_deb
make_archive
