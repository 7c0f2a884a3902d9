#!/usr/bin/env bash
# Shaders that are kept compiled (src/ops/vulkan/matrices) are those of their sources: always by the sources' hashes, and
# where the compiler knows cooperative matrices and is the version that made them, by compiling them again. Where the
# validator is (spirv-val of Debian's spirv-tools) and knows what they use, it finds them valid.
# kept_shaders.sh SOURCE_FOLDER [--make]; --make compiles them and writes the hashes.
set -euo pipefail
cd "$1/src/ops/vulkan/matrices"
compiler=${GLSLANG:-glslangValidator} validator=${SPIRV_VAL:-spirv-val}
sources=(*.comp *.glsl ../shaders/{memory,activation,conv,conv_bytes,finish,linear,linear_bytes,window}.glsl)

version() { $compiler --version | sed -n 's/^Glslang Version: //p'; }
compile() { $compiler --quiet -V --target-env vulkan1.2 -I../shaders "$1" -o "$2" "${@:3}"; }
# Those of floats twice: with factors of f16, and of bf16.
compile_all() {  # FOLDER
  local shader name
  for shader in *.comp; do
    name=${shader%.comp}
    compile "$shader" "$1/$name.spv"
    case $name in *byte*) ;; *) compile "$shader" "$1/${name}_bf16.spv" -DBF16_FACTORS ;; esac
  done
}

if [ "${2:-}" = --make ]; then
  compile_all .
  { echo "# made by glslang $(version)"; sha256sum "${sources[@]}" *.spv; } >made_from.txt
  exit
fi
grep -v '^#' made_from.txt | sha256sum --check --quiet || { echo "sources have changed: ./dev shaders compiles them again"; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if $validator --version >/dev/null 2>&1; then
  for shader in *.spv; do
    said=$($validator --target-env vulkan1.2 "$shader" 2>&1) && continue
    case $said in
      *"nvalid capability operand"* | *"nvalid extension"* | *"nknown extension"* | *"nvalid opcode"*)
        echo "$shader is not validated: the validator here does not know what it uses" ;;
      *) echo "$shader: $said"; exit 1 ;;
    esac
  done
fi
if [ "$(sed -n 's/^# made by glslang //p' made_from.txt)" != "$(version 2>/dev/null)" ]; then
  echo "hashes agree; the compiler here is another one than that which made them"
  exit
fi
compile_all "$scratch"
for shader in *.spv; do cmp "$scratch/$shader" "$shader"; done
echo "compiling them again gives the same"
