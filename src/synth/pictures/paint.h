// Colours, noise and shapes of which the scenes are painted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace easel::synth {

struct Vec {
  float x = 0, y = 0, z = 0;
};
using Colour = Vec;  // red, green, blue: linear light, not screen values

inline Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec operator*(Vec a, Vec b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec operator*(Vec a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline float length(Vec a) { return std::sqrt(dot(a, a)); }
inline Vec normalized(Vec a) { return a * (1.0f / std::max(1e-9f, length(a))); }
inline Vec cross(Vec a, Vec b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline Vec mix(Vec a, Vec b, float t) { return a * (1.0f - t) + b * t; }
inline float mix(float a, float b, float t) { return a * (1.0f - t) + b * t; }
inline float clamp01(float v) { return std::clamp(v, 0.0f, 1.0f); }
inline float smoothstep(float from, float to, float v) {
  const float t = clamp01((v - from) / (to - from));
  return t * t * (3.0f - 2.0f * t);
}
// A bump of height 1 and width `radius` around 0.
inline float bump(float v, float radius) { return std::exp(-v * v / (radius * radius)); }

// From screen values 0..1 of a colour picker to light.
inline Colour rgb(float r, float g, float b) { return {r * r, g * g, b * b}; }

// 0..1 without pattern.
inline float hash(int32_t x, int32_t y, int32_t z = 0) {
  uint32_t h = static_cast<uint32_t>(x) * 0x8DA6B343u ^ static_cast<uint32_t>(y) * 0xD8163841u ^
               static_cast<uint32_t>(z) * 0xCB1AB31Fu;
  h = (h ^ h >> 15) * 0x2C1B3C6Du;
  h = (h ^ h >> 12) * 0x297A2D39u;
  return static_cast<float>((h ^ h >> 15) >> 8) / 16777216.0f;
}

// Smooth noise, 0..1, with features the size of 1.
inline float noise(float x, float y, int32_t seed = 0) {
  const auto ix = static_cast<int32_t>(x + 4096.0f) - 4096, iy = static_cast<int32_t>(y + 4096.0f) - 4096;
  const float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
  const float u = fx * fx * (3.0f - 2.0f * fx), v = fy * fy * (3.0f - 2.0f * fy);
  return mix(mix(hash(ix, iy, seed), hash(ix + 1, iy, seed), u),
             mix(hash(ix, iy + 1, seed), hash(ix + 1, iy + 1, seed), u), v);
}

// Noise with finer and finer detail, 0..1.
inline float cloud(float x, float y, int octaves, int32_t seed = 0) {
  float sum = 0, weight = 0.5f;
  for (int i = 0; i < octaves; ++i, weight *= 0.5f) {
    sum += weight * noise(x, y, seed + i);
    const float turned = 1.6f * x + 1.2f * y;
    y = 1.6f * y - 1.2f * x + 17.3f;
    x = turned + 9.1f;
  }
  return sum / (1.0f - std::ldexp(1.0f, -octaves));
}

// From light to screen values: a filmic shoulder, then gamma 2.
inline Colour develop(Colour c) {
  const auto curve = [](float v) {
    v = std::max(0.0f, v);
    return std::sqrt(clamp01(v * (2.51f * v + 0.03f) / (v * (2.43f * v + 0.59f) + 0.14f)));
  };
  return {curve(c.x), curve(c.y), curve(c.z)};
}

// The place of a ray through a pixel: x to the right, y up, the middle square is -1..1 in both directions.
struct Spot {
  float x, y;
  int32_t pixel_x, pixel_y, sample;  // for noise that differs from sample to sample
};

Colour lighthouse(const Spot& spot);
Colour still_life(const Spot& spot);
Colour portrait(const Spot& spot);

}  // namespace easel::synth
