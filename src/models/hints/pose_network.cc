#include "models/hints/pose_network.h"

#include <array>
#include <utility>
#include <vector>

#include "models/hints/chain.h"
#include "models/weights/packed_model.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int64_t kBodyHeat = 19, kBodyFields = 38, kHandHeat = 22, kFaceHeat = 71;
constexpr int kStages = 6, kConvsOfStage = 7;

std::vector<std::string> stage_names(int stage, const std::string& ending) {
  std::vector<std::string> out;
  for (int i = 1; i <= kConvsOfStage; ++i)
    out.push_back("Mconv" + std::to_string(i) + "_stage" + std::to_string(stage) + ending);
  return out;
}

}  // namespace

PoseKind pose_kind(const StoredTensors& file) {
  const auto shape = [&](const char* name) {
    const StoredTensor* tensor = file.find(name);
    return tensor && tensor->rank() == 4 ? tensor->dim(0) : 0;
  };
  if (!file.contains("conv1_1.weight")) return PoseKind::kNone;
  if (file.contains("conv5_1_CPM_L1.weight")) return PoseKind::kBody;
  const int64_t heat = shape("Mconv7_stage6.weight");
  return heat == kHandHeat ? PoseKind::kHand : heat == kFaceHeat ? PoseKind::kFace : PoseKind::kNone;
}

const char* pose_kind_name(PoseKind kind) {
  return kind == PoseKind::kBody   ? "bodies"
         : kind == PoseKind::kHand ? "hands"
         : kind == PoseKind::kFace ? "faces"
                                   : "";
}

struct PoseNetwork::Impl {
  explicit Impl(const nn::Weights& w) {
    body = w.has("conv5_1_CPM_L1.weight");
    const auto heat = w.shape("Mconv7_stage6.weight");
    // What lies between two poolings.
    std::vector<std::vector<std::string>> names{
        {"conv1_1", "conv1_2"}, {"conv2_1", "conv2_2"}, {"conv3_1", "conv3_2", "conv3_3", "conv3_4"}};
    if (body) names.push_back({"conv4_1", "conv4_2", "conv4_3_CPM", "conv4_4_CPM"});
    else names.push_back({"conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3_CPM"});
    int64_t width = 3;
    for (size_t i = 0; i < trunk.size(); ++i) {
      trunk[i] = Chain(w, names[i], width, 0);
      width = trunk[i].width();
    }
    device = w.packer().device();
    if (body) {
      for (const auto& [branch, out] : {std::pair{0, kBodyFields}, std::pair{1, kBodyHeat}}) {
        const std::string ending = "_L" + std::to_string(branch + 1);
        std::vector<std::string> first;
        for (int i = 1; i <= 5; ++i) first.push_back("conv5_" + std::to_string(i) + "_CPM" + ending);
        auto& stages = branch == 0 ? of_fields : of_heat;
        stages.emplace_back(w, first, width, out);
        for (int s = 2; s <= kStages; ++s)
          stages.emplace_back(w, stage_names(s, ending), kBodyFields + kBodyHeat + width, out);
      }
    } else {
      const int64_t out = heat && heat->rank() == 4 ? (*heat)[0] : 0;
      of_heat.emplace_back(w, std::vector<std::string>{"conv6_1_CPM", "conv6_2_CPM"}, width, out);
      for (int s = 2; s <= kStages; ++s) of_heat.emplace_back(w, stage_names(s, ""), out + width, out);
    }
    w.require_all();
  }

  bool body = false;
  Device device;
  std::array<Chain, 4> trunk;
  std::vector<Chain> of_fields, of_heat;
};

PoseNetwork::PoseNetwork(const nn::Weights& w) : impl_(std::make_unique<const Impl>(w)) {}
PoseNetwork::~PoseNetwork() = default;

void PoseNetwork::check(const nn::Weights& w) { const Impl probed(w.probing() ? w : w.probe()); }

PoseMaps PoseNetwork::forward(const Tensor& pixels) const {
  const Impl& m = *impl_;
  constexpr int64_t kMultiple = 8;
  if (pixels.rank() != 4 || pixels.dim(3) != 3 || pixels.dim(1) % kMultiple != 0 || pixels.dim(2) % kMultiple != 0)
    throw Error(Fault::kInternal, "pixels " + pixels.str() + " given to a network of poses");
  Tensor x = pixels.to(m.device);
  for (size_t i = 0; i < m.trunk.size(); ++i) {
    x = m.trunk[i](x, true);
    if (i + 1 < m.trunk.size()) x = max_pooled(x);
  }
  Tensor heat, fields;
  for (size_t stage = 0; stage < m.of_heat.size(); ++stage) {
    const Tensor in = stage == 0 ? x : m.body ? ops::concat({fields, heat, x}, -1) : ops::concat({heat, x}, -1);
    // The original rectifies the heat of bodies after its last stage as well.
    heat = m.of_heat[stage](in, m.body && stage + 1 == m.of_heat.size());
    if (m.body) fields = m.of_fields[stage](in, false);
  }
  return {heat.to(kHost), m.body ? fields.to(kHost) : fields};
}

size_t PoseNetwork::memory_estimate(int64_t height, int64_t width) {
  constexpr int64_t kWidest = 64, kMaps = 4;  // at the picture's own size
  return static_cast<size_t>(height * width * kWidest * kMaps) * sizeof(float);
}

size_t PoseNetwork::bytes() const {
  size_t total = 0;
  for (const Chain& c : impl_->trunk) total += c.bytes();
  for (const auto* stages : {&impl_->of_fields, &impl_->of_heat})
    for (const Chain& c : *stages) total += c.bytes();
  return total;
}

PoseHandle load_pose_network(memory::Residency& residency, const StoredTensors& file, PoseKind wanted,
                             const std::string& file_name) {
  if (pose_kind(file) != wanted)
    throw Error(Fault::kUnsupported, std::string("this is no network of OpenPose that finds ") + pose_kind_name(wanted))
        .in_file(file_name)
        .fix("Put the published file there (lllyasviel/Annotators)");
  const auto tensors = std::make_shared<const StoredTensors>(file);
  PoseNetwork::check(nn::Weights(tensors, DType::kF32, file_name));
  PoseHandle handle{file_name, wanted, nullptr};
  handle.model = packed_model<PoseNetwork>(
      residency, "OpenPose " + file_name, {"pose", tensors, DType::kF32}, [=](const ops::Packer& packer) {
        return std::make_shared<const PoseNetwork>(nn::Weights(tensors, DType::kF32, file_name, packer));
      });
  return handle;
}

}  // namespace easel::models
