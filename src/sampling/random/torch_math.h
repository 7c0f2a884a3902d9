// Single-precision functions that equal the reference's to the last bit.
//
// The reference evaluates these functions with vector maths libraries whose results now and then differ from libm's
// in the last bit. Mostly that is harmless, but initial noise is compared between programs bit by bit, and the
// Brownian tree rounds times to 1e-6, where one bit of exp(log(sigma)) selects different noise.
#pragma once

#include <cmath>

namespace easel::sampling {

// exp(x) for -80 < x < 80; 0 below and infinity above that range. Cody-Waite reduction and a polynomial of degree 6,
// after SLEEF's expf with an error of 1 ulp (Shibata & Petrogalli 2020).
float torch_exp(float x);

// log(x) for normal x > 0; -infinity for 0, NaN for negative x. atanh series in two-float arithmetic, after SLEEF's
// logf.
float torch_log(float x);

// expm1(x), correctly rounded except in rare ties.
inline float torch_expm1(float x) { return static_cast<float>(std::expm1(static_cast<double>(x))); }

// The logarithm and the sine that the fast path of the reference's normal generator uses (Cephes single-precision
// kernels with fused multiply-add).
// log(u) for 0 < u <= 1.
float normal_log(float u);
// Sine and cosine of 0 <= angle < 8192.
void normal_sincos(float angle, float* sine, float* cosine);

}  // namespace easel::sampling
