#include <algorithm>

#include "base/parallel.h"
#include "ops/reference/backend.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {

void ReferenceBackend::attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads,
                                 const AttentionArgs& args, Tensor& out) const {
  const int64_t queries = q.dim(1), keys = k.dim(1), channels = q.dim(2), width = channels / heads;
  const Values qs = read(q), ks = read(k), vs = read(v), bias = read_if_defined(args.bias);
  Values ys(at(out.numel()));
  parallel_for(q.dim(0) * heads, 1, [&](int64_t begin, int64_t end) {
    Values weights(at(keys));
    for (int64_t head = begin; head < end; ++head)
      for (int64_t query = 0; query < queries; ++query) {
        const int64_t sample = head / heads, first = head % heads * width;
        const int64_t key_sample = k.dim(0) == 1 ? 0 : sample;  // keys may be shared by all samples
        const int64_t seen = args.causal ? std::min(keys, query + 1) : keys;
        const int64_t from = (sample * queries + query) * channels + first;
        const auto place = [&](int64_t key, int64_t i) { return at((key_sample * keys + key) * channels + first + i); };
        for (int64_t key = 0; key < seen; ++key) {
          double score = 0.0;
          for (int64_t i = 0; i < width; ++i) score += qs[at(from + i)] * ks[place(key, i)];
          score *= static_cast<double>(args.scale);
          if (!bias.empty()) score += bias[at((head * queries + query) * keys + key)];
          weights[at(key)] = score;
        }
        const double top = *std::max_element(weights.begin(), weights.begin() + seen);
        double sum = 0.0;
        for (int64_t key = 0; key < seen; ++key) sum += weights[at(key)] = std::exp(weights[at(key)] - top);
        for (int64_t i = 0; i < width; ++i) {
          double y = 0.0;
          for (int64_t key = 0; key < seen; ++key) y += weights[at(key)] * vs[place(key, i)];
          ys[at(from + i)] = y / sum;
        }
      }
  });
  write(ys, out);
}

void ReferenceBackend::attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale,
                                          Tensor& out) const {
  const int64_t queries = q.dim(1), keys = k.dim(1), channels = q.dim(2), width = channels / heads;
  const Values qs = read(q), ks = read(k);
  Values ys(at(out.numel()));
  for (int64_t head = 0; head < q.dim(0) * heads; ++head)
    for (int64_t query = 0; query < queries; ++query) {
      const int64_t sample = head / heads, first = head % heads * width;
      Values weights(at(keys));
      for (int64_t key = 0; key < keys; ++key)
        for (int64_t i = first; i < first + width; ++i)
          weights[at(key)] += static_cast<double>(scale) * qs[at((sample * queries + query) * channels + i)] *
                              ks[at((sample * keys + key) * channels + i)];
      const double top = *std::max_element(weights.begin(), weights.end());
      double sum = 0.0;
      for (double& w : weights) sum += w = std::exp(w - top);
      for (int64_t key = 0; key < keys; ++key)
        ys[at(sample * keys + key)] += weights[at(key)] / sum / static_cast<double>(heads);
    }
  write(ys, out);
}

}  // namespace easel::ops::reference
