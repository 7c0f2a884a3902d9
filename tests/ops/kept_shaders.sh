#!/usr/bin/env bash
# Shaders that are kept compiled (src/ops/vulkan/matrices) are those of their sources: always by the sources' hashes, and
# where the compiler knows cooperative matrices and is the version that made them, by compiling them again.
# kept_shaders.sh SOURCE_FOLDER [--make]; --make compiles them and writes the hashes.
set -euo pipefail
cd "$1/src/ops/vulkan/matrices"
compiler=${GLSLANG:-glslangValidator}
sources=(*.comp *.glsl ../shaders/memory.glsl ../shaders/activation.glsl)

version() { $compiler --version | sed -n 's/^Glslang Version: //p'; }
compile() { $compiler --quiet -V --target-env vulkan1.2 -o "$2" "$1"; }

if [ "${2:-}" = --make ]; then
  for shader in *.comp; do compile "$shader" "${shader%.comp}.spv"; done
  { echo "# made by glslang $(version)"; sha256sum "${sources[@]}" *.spv; } >made_from.txt
  exit
fi
grep -v '^#' made_from.txt | sha256sum --check --quiet || { echo "sources have changed: ./dev shaders compiles them again"; exit 1; }
if [ "$(sed -n 's/^# made by glslang //p' made_from.txt)" != "$(version 2>/dev/null)" ]; then
  echo "hashes agree; the compiler here is another one than that which made them"
  exit
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for shader in *.comp; do
  compile "$shader" "$scratch/made.spv"
  cmp "$scratch/made.spv" "${shader%.comp}.spv"
done
echo "compiling them again gives the same"
