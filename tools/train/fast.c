// What torch 1.13 does slowly on a CPU, for bf16 maps that lie channels last: norms with the function after them, and
// gated units. All in f32 inside; rows of `c` values, `p` of them to a picture.
// cc -O3 -march=native -ffast-math -shared -fPIC fast.c -o fast.so -lm
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint16_t bf16;

static inline float wide(bf16 v) {
  union { uint32_t u; float f; } x = {(uint32_t)v << 16};
  return x.f;
}

static inline bf16 narrow(float v) {
  union { float f; uint32_t u; } x = {v};
  return (bf16)((x.u + 0x7fffu + ((x.u >> 16) & 1u)) >> 16);
}

#define MOST 1024  // channels

// y = silu(norm(x)), or norm(x) without `silu`. mean and inverse: [n,groups].
void group_norm(const bf16* x, const float* weight, const float* bias, bf16* y, float* mean, float* inverse, long n,
                long p, long c, long groups, float eps, int silu) {
  const long each = c / groups;
  float sum[MOST], square[MOST], scale[MOST], shift[MOST];
  for (long i = 0; i < n; ++i, x += p * c, y += p * c) {
    for (long k = 0; k < c; ++k) sum[k] = square[k] = 0;
    for (long r = 0; r < p; ++r)
      for (long k = 0; k < c; ++k) {
        const float v = wide(x[r * c + k]);
        sum[k] += v;
        square[k] += v * v;
      }
    for (long g = 0; g < groups; ++g) {
      double s = 0, q = 0;
      for (long k = g * each; k < (g + 1) * each; ++k) s += sum[k], q += square[k];
      const double m = s / (double)(p * each), variance = q / (double)(p * each) - m * m;
      mean[i * groups + g] = (float)m;
      inverse[i * groups + g] = (float)(1 / sqrt((variance > 0 ? variance : 0) + eps));
    }
    for (long k = 0; k < c; ++k) {
      scale[k] = weight[k] * inverse[i * groups + k / each];
      shift[k] = bias[k] - mean[i * groups + k / each] * scale[k];
    }
    if (silu)
      for (long r = 0; r < p; ++r)
        for (long k = 0; k < c; ++k) {
          const float u = wide(x[r * c + k]) * scale[k] + shift[k];
          y[r * c + k] = narrow(u / (1 + expf(-u)));
        }
    else
      for (long r = 0; r < p; ++r)
        for (long k = 0; k < c; ++k) y[r * c + k] = narrow(wide(x[r * c + k]) * scale[k] + shift[k]);
  }
}

// dweight and dbias are added to.
void group_norm_back(const bf16* x, const bf16* dy, const float* weight, const float* bias, const float* mean,
                     const float* inverse, bf16* dx, float* dweight, float* dbias, long n, long p, long c, long groups,
                     int silu) {
  const long each = c / groups;
  float scale[MOST], shift[MOST], m[MOST], r_[MOST], offset[MOST], slope[MOST], dw[MOST], db[MOST];
  float* du = malloc(sizeof(float) * (size_t)(p * c));
  for (long i = 0; i < n; ++i, x += p * c, dy += p * c, dx += p * c) {
    for (long k = 0; k < c; ++k) {
      m[k] = mean[i * groups + k / each];
      r_[k] = inverse[i * groups + k / each];
      scale[k] = weight[k] * r_[k];
      shift[k] = bias[k] - m[k] * scale[k];
      dw[k] = db[k] = 0;
    }
    for (long r = 0; r < p; ++r)
      for (long k = 0; k < c; ++k) {
        const float v = wide(x[r * c + k]);
        float d = wide(dy[r * c + k]);
        if (silu) {
          const float u = v * scale[k] + shift[k], s = 1 / (1 + expf(-u));
          d *= s * (1 + u * (1 - s));
        }
        du[r * c + k] = d;
        db[k] += d;
        dw[k] += d * (v - m[k]) * r_[k];
      }
    for (long g = 0; g < groups; ++g) {
      double a = 0, b = 0;
      for (long k = g * each; k < (g + 1) * each; ++k) a += weight[k] * db[k], b += weight[k] * dw[k];
      a /= (double)(p * each), b /= (double)(p * each);
      // dx = r (w du - a - (x - m) r b)
      for (long k = g * each; k < (g + 1) * each; ++k) {
        slope[k] = (float)(-r_[k] * r_[k] * b);
        offset[k] = (float)(-r_[k] * a) - m[k] * slope[k];
      }
    }
    for (long r = 0; r < p; ++r)
      for (long k = 0; k < c; ++k)
        dx[r * c + k] = narrow(scale[k] * du[r * c + k] + slope[k] * wide(x[r * c + k]) + offset[k]);
    for (long k = 0; k < c; ++k) dweight[k] += dw[k], dbias[k] += db[k];
  }
  free(du);
}

// Rows of c values, each normed by itself.
void layer_norm(const bf16* x, const float* weight, const float* bias, bf16* y, float* mean, float* inverse, long rows,
                long c, float eps) {
  for (long r = 0; r < rows; ++r, x += c, y += c) {
    float s = 0, q = 0;
    for (long k = 0; k < c; ++k) {
      const float v = wide(x[k]);
      s += v;
      q += v * v;
    }
    const float m = s / (float)c, variance = q / (float)c - m * m, inv = 1 / sqrtf((variance > 0 ? variance : 0) + eps);
    mean[r] = m;
    inverse[r] = inv;
    for (long k = 0; k < c; ++k) y[k] = narrow((wide(x[k]) - m) * inv * weight[k] + bias[k]);
  }
}

void layer_norm_back(const bf16* x, const bf16* dy, const float* weight, const float* mean, const float* inverse,
                     bf16* dx, float* dweight, float* dbias, long rows, long c) {
  for (long r = 0; r < rows; ++r, x += c, dy += c, dx += c) {
    const float m = mean[r], inv = inverse[r];
    float a = 0, b = 0;
    for (long k = 0; k < c; ++k) {
      const float d = wide(dy[k]), h = (wide(x[k]) - m) * inv;
      dbias[k] += d;
      dweight[k] += d * h;
      a += d * weight[k];
      b += d * weight[k] * h;
    }
    a /= (float)c;
    b /= (float)c;
    for (long k = 0; k < c; ++k) {
      const float h = (wide(x[k]) - m) * inv;
      dx[k] = narrow(inv * (wide(dy[k]) * weight[k] - a - h * b));
    }
  }
}

// Normal distribution function, Abramowitz and Stegun 7.1.26: within 1e-7.
static inline float phi(float g) {
  const float z = fabsf(g) * 0.70710678f, t = 1 / (1 + 0.3275911f * z);
  const float tail = 0.5f * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) * expf(-z * z);
  return g > 0 ? 1 - tail : tail;
}

// x [rows,2d] = value, gate -> y [rows,d] = value gelu(gate).
void geglu(const bf16* x, bf16* y, long rows, long d) {
  for (long r = 0; r < rows; ++r, x += 2 * d, y += d)
    for (long k = 0; k < d; ++k) {
      const float g = wide(x[d + k]);
      y[k] = narrow(wide(x[k]) * g * phi(g));
    }
}

void geglu_back(const bf16* x, const bf16* dy, bf16* dx, long rows, long d) {
  for (long r = 0; r < rows; ++r, x += 2 * d, dx += 2 * d, dy += d)
    for (long k = 0; k < d; ++k) {
      const float g = wide(x[d + k]), e = wide(dy[k]), f = phi(g);
      dx[k] = narrow(e * g * f);
      dx[d + k] = narrow(e * wide(x[k]) * (f + g * 0.39894228f * expf(-0.5f * g * g)));
    }
}

// Softmax over the last axis, in place of torch's: x [rows,c].
void softmax(const bf16* x, bf16* y, long rows, long c, float scale) {
  float e[MOST];
  for (long r = 0; r < rows; ++r, x += c, y += c) {
    float most = -1e30f, s = 0;
    for (long k = 0; k < c; ++k) {
      e[k] = wide(x[k]) * scale;
      most = e[k] > most ? e[k] : most;
    }
    for (long k = 0; k < c; ++k) {
      e[k] = expf(e[k] - most);
      s += e[k];
    }
    s = 1 / s;
    for (long k = 0; k < c; ++k) y[k] = narrow(e[k] * s);
  }
}

void softmax_back(const bf16* y, const bf16* dy, bf16* dx, long rows, long c, float scale) {
  for (long r = 0; r < rows; ++r, y += c, dy += c, dx += c) {
    float s = 0;
    for (long k = 0; k < c; ++k) s += wide(y[k]) * wide(dy[k]);
    for (long k = 0; k < c; ++k) dx[k] = narrow(wide(y[k]) * (wide(dy[k]) - s) * scale);
  }
}

// One step of AdamW (decoupled decay) and of the average, in one pass; `half` gets the parameters in bf16 if not null.
void adamw(float* p, const void* grad, int grad_bf16, float* m, float* v, float* average, bf16* half, long n, float lr,
           float beta1, float beta2, float eps, float decay, float correct1, float correct2, float clip, float keep) {
  const float* gf = grad;
  const bf16* gh = grad;
  for (long i = 0; i < n; ++i) {
    const float g = (grad_bf16 ? wide(gh[i]) : gf[i]) * clip;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    p[i] = p[i] * (1 - lr * decay) - lr * (m[i] * correct1) / (sqrtf(v[i] * correct2) + eps);
    average[i] = keep * average[i] + (1 - keep) * p[i];
    if (half) half[i] = narrow(p[i]);
  }
}

double square_sum(const void* grad, int grad_bf16, long n) {
  const float* gf = grad;
  const bf16* gh = grad;
  double total = 0;
  for (long b = 0; b < n; b += 4096) {
    float s = 0;
    const long end = b + 4096 < n ? b + 4096 : n;
    if (grad_bf16) for (long i = b; i < end; ++i) s += wide(gh[i]) * wide(gh[i]);
    else for (long i = b; i < end; ++i) s += gf[i] * gf[i];
    total += s;
  }
  return total;
}
