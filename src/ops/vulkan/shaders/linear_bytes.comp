#version 450
#extension GL_GOOGLE_include_directive : require
#include "linear_bytes.glsl"
#include "byte_tiles.glsl"

void main() { multiply(); }
