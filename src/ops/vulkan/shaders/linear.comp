#version 450
#extension GL_GOOGLE_include_directive : require
#include "linear.glsl"
#include "tiles.glsl"

void main() { multiply(); }
