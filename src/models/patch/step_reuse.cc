#include "models/patch/step_reuse.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kEach = 8;  // rows and columns that stand for the others

Tensor sparse(const Tensor& x) {
  const auto taps = [](int64_t size) {
    ops::Taps out;
    for (int64_t i = 0; i < size; i += kEach) out.index.push_back(i);
    return out;
  };
  return ops::resample(x, taps(x.dim(1)), taps(x.dim(2)));
}

float mean_size(const Tensor& x) {
  return ops::item(ops::reduce(ops::map([](auto v) { return abs(v); }, x), ops::Reduction::kMean, 0, -1));
}

float mean_distance(const Tensor& a, const Tensor& b) {
  return mean_size(ops::map([](auto v, auto w) { return v - w; }, a, b));
}

Tensor difference(const Tensor& output, const Tensor& input) {
  return ops::map([](auto out, auto in) { return out - in; }, output, input);
}

class NetworkReuse final : public NetworkStep {
 public:
  NetworkReuse(const StepReuse& options, const sampling::ModelSampling& sampling)
      : span_(options, sampling), change_(options.threshold) {}

  Tensor instead(const NetworkBatch& batch, const Tensor& x) override {
    compared_ = false;
    if (span_.over(batch.sigma) || !span_.begun(batch.sigma)) return {};
    if (batch.evaluation != evaluation_) skipping_ = false;
    evaluation_ = batch.evaluation;
    begin_again_with_another_size(x.shape());
    const bool known = std::all_of(batch.members.begin(), batch.members.end(),
                                   [&](int member) { return differences_.contains(member); });
    if (skipping_ && known) return estimated(batch, x);
    if (!first_) first_ = batch.members.front();
    const auto rows = rows_of_first(batch, x);
    if (!rows) return {};
    compared_ = true;
    if (!change_.stays(*rows, known)) return {};
    skipping_ = true;
    return estimated(batch, x);
  }

  void was(const NetworkBatch& batch, const Tensor& x, const Tensor& output) override {
    if (span_.over(batch.sigma)) return;
    const Tensor all = difference(output, x);
    const int64_t each = each_of(batch, x);
    for (size_t i = 0; i < batch.members.size(); ++i)
      differences_[batch.members[i]] = contiguous(all.slice(0, static_cast<int64_t>(i) * each, each));
    const auto rows = rows_of_first(batch, x);
    if (rows) change_.computed(*rows, *rows_of_first(batch, output), mean_size(output), compared_);
  }

 private:
  void begin_again_with_another_size(const Shape& shape) {
    const Shape map{shape[1], shape[2], shape[3]};
    if (!map_) {
      map_ = map;
    } else if (!(*map_ == map)) {
      change_.begin_again();
      map_.reset();
      first_.reset();
      skipping_ = false;
      differences_.clear();
    }
  }
  static int64_t each_of(const NetworkBatch& batch, const Tensor& x) {
    return x.dim(0) / static_cast<int64_t>(batch.members.size());
  }
  // The part of a batch that is of the entry that decides, if it is there.
  std::optional<Tensor> rows_of_first(const NetworkBatch& batch, const Tensor& x) const {
    const auto found = first_ ? std::find(batch.members.begin(), batch.members.end(), *first_) : batch.members.end();
    if (found == batch.members.end()) return std::nullopt;
    const int64_t each = each_of(batch, x);
    return contiguous(x.slice(0, (found - batch.members.begin()) * each, each));
  }
  Tensor estimated(const NetworkBatch& batch, const Tensor& x) const {
    std::vector<Tensor> parts;
    for (const int member : batch.members) parts.push_back(differences_.at(member));
    return ops::add(x, parts.size() == 1 ? parts[0] : ops::concat(parts, 0));
  }

  ReuseSpan span_;
  ChangeEstimate change_;
  std::optional<int> first_;  // the entry that decides
  std::optional<Shape> map_;  // the size of the maps so far
  int64_t evaluation_ = -1;
  bool skipping_ = false, compared_ = false;
  std::map<int, Tensor> differences_;  // by conditioning entry
};

class GuidedReuse final : public GuidanceStep {
 public:
  explicit GuidedReuse(const StepReuse& options) : options_(options), change_(options.threshold) {}

  void begin(const sampling::ModelSampling& sampling) override { span_.emplace(options_, sampling); }

  Tensor instead(const Tensor& x, float sigma) override {
    compared_ = false;
    if (span_->over(sigma) || !span_->begun(sigma)) return {};
    compared_ = true;
    if (!change_.stays(x, difference_.defined())) return {};
    return ops::add(x, difference_);
  }

  void was(const Tensor& x, float sigma, const Tensor& denoised) override {
    if (span_->over(sigma)) return;
    difference_ = difference(denoised, x);
    change_.computed(x, denoised, mean_size(denoised), compared_);
  }

 private:
  StepReuse options_;
  std::optional<ReuseSpan> span_;
  ChangeEstimate change_;
  bool compared_ = false;
  Tensor difference_;
};

class NetworkReusePatch final : public ModelPatch {
 public:
  explicit NetworkReusePatch(const StepReuse& options) : options_(options) {}
  std::string_view kind() const override { return "hook"; }
  std::unique_ptr<NetworkStep> network(const sampling::ModelSampling& sampling) const override {
    return std::make_unique<NetworkReuse>(options_, sampling);
  }

 private:
  StepReuse options_;
};

class GuidedReusePatch final : public ModelPatch {
 public:
  explicit GuidedReusePatch(const StepReuse& options) : options_(options) {}
  std::string_view kind() const override { return "guidance"; }
  std::unique_ptr<GuidanceStep> guidance() const override { return std::make_unique<GuidedReuse>(options_); }

 private:
  StepReuse options_;
};

}  // namespace

bool ChangeEstimate::stays(const Tensor& input, bool may_stay) {
  input_change_.reset();
  if (!input_.defined()) return false;
  input_change_ = mean_distance(sparse(input), input_);
  if (!ratio_) return false;
  added_ += *ratio_ * *input_change_ / size_;
  if (added_ < threshold_ && may_stay) return true;
  added_ = 0;
  return false;
}

void ChangeEstimate::computed(const Tensor& input, const Tensor& result, float size, bool compared) {
  const Tensor now = sparse(result);
  if (compared && input_change_ && result_.defined()) ratio_ = mean_distance(now, result_) / *input_change_;
  input_ = sparse(input);
  result_ = now;
  size_ = size;
}

void ChangeEstimate::begin_again() {
  added_ = size_ = 0;
  ratio_ = 0.0f;
  input_change_.reset();
  input_ = result_ = {};
}

ReuseSpan::ReuseSpan(const StepReuse& options, const sampling::ModelSampling& sampling)
    : start(static_cast<float>(sampling.percent_to_sigma(options.start_percent))),
      end(static_cast<float>(sampling.percent_to_sigma(options.end_percent))) {}

ModelPatchPtr reuse_network_steps(const StepReuse& options) {
  return std::make_shared<const NetworkReusePatch>(options);
}

ModelPatchPtr reuse_guided_steps(const StepReuse& options) { return std::make_shared<const GuidedReusePatch>(options); }

}  // namespace easel::models
