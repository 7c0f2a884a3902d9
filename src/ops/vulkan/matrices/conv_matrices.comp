#version 450
#extension GL_GOOGLE_include_directive : require
#include "../shaders/conv.glsl"
#include "matrix_tiles.glsl"

void main() { multiply(); }
