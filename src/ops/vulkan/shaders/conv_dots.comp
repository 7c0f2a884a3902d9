#version 450
#extension GL_GOOGLE_include_directive : require
#define DOT_PRODUCTS  // VK_KHR_shader_integer_dot_product
#include "conv_bytes.glsl"
#include "byte_tiles.glsl"

void main() { multiply(); }
