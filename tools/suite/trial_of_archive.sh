# What try_package.sh does inside the root with the archive, before anything is installed: it is in /packages.
set -euo pipefail
die() { printf 'trial: %s\n' "$*" >&2; exit 1; }

echo "--- the archive: every library is found"
command -v xz >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends xz-utils; } >/dev/null
mkdir /archive
tar -xJf /packages/easel.tar.xz -C /archive
cd /archive/easel-*
for file in bin/easel lib/*; do
  missing=$(ldd "$file" 2>&1 | grep -i 'not found' || true)
  [ -z "$missing" ] || die "$file: $missing"
done

echo "--- the archive: a picture with nothing installed"
bin/easel --version
mkdir /archive/drawn
(cd /archive/drawn && ../easel-*/bin/easel img2img /packages/photo.jpg -p "a lighthouse by the sea at dusk, watercolour")
[ "$(find /archive/drawn -name '*.png' -size +1k | wc -l)" = 1 ] || die "there is no picture"
rm -rf /archive
