// In the order of ops::Activation.
const uint NONE = 0, SILU = 1, GELU = 2, QUICK_GELU = 3, RELU = 4, LEAKY_RELU = 5;

// x (1 + erf(x / sqrt 2)) / 2 with erfc(z) = e^(-z z) P(1 / (1 + 0.4 z)), P by Chebyshev interpolation on 0 <= z <= 6
// (relative error 3e-7), as on the processor.
float gelu(float x) {
  const float z = min(abs(x) * 0.707106781, 9.0), t = 1.0 / (0.4 * z + 1.0);
  float p = -2.240638066e-3;
  p = p * t + 9.897225531e-2;
  p = p * t - 4.883493532e-1;
  p = p * t + 8.682871633e-1;
  p = p * t - 5.880362752e-1;
  p = p * t + 5.651858784e-1;
  p = p * t + 6.725820625e-2;
  p = p * t + 2.570212932e-1;
  p = p * t + 2.216793632e-1;
  p = p * t + 2.221088466e-4;
  const float half_tail = 0.5 * p * exp(-z * z);
  return x * (x < 0.0 ? half_tail : 1.0 - half_tail);
}

float activated(float x, uint activation) {
  switch (activation) {
    case SILU: return x / (1.0 + exp(-x));
    case GELU: return gelu(x);
    case QUICK_GELU: return x / (1.0 + exp(-1.702 * x));
    case RELU: return x < 0.0 ? 0.0 : x;
    case LEAKY_RELU: return x < 0.0 ? x * 0.2 : x;
  }
  return x;
}
