#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/linear_bytes.glsl"
#include "byte_matrix_tiles.glsl"

void main() { multiply(); }
