// The published layouts of upscalers.
#include <algorithm>
#include <set>
#include <utility>

#include "models/upscale/upscaler.h"
#include "models/weights/key_names.h"

namespace easel::models {
namespace {

// The numbers N of "PREFIX N", in order.
std::set<int64_t> numbers_below(const StoredTensors& file, const std::string& prefix) {
  std::set<int64_t> out;
  std::string rest;
  for (const auto& [name, tensor] : file)
    if (const int64_t n = number_after(name, prefix, rest); n >= 0) out.insert(n);
  return out;
}

// model.0, then model.1.sub with the residual blocks and one convolution, then the convolutions after each doubling
// (model.3, model.6, ...), and two more.
std::shared_ptr<StoredTensors> from_numbered(const StoredTensors& file, const std::string& prefix) {
  const std::string model = prefix + "model.", blocks = model + "1.sub.";
  const std::set<int64_t> parts = numbers_below(file, model), body = numbers_below(file, blocks);
  const std::vector<int64_t> after(parts.upper_bound(1), parts.end());
  if (after.size() < 2 || body.size() < 2) return nullptr;
  const auto part_name = [&](int64_t n) -> std::string {
    if (n == 0) return "conv_first";
    if (n == after.back()) return "conv_last";
    if (n == after[after.size() - 2]) return "conv_hr";
    return "conv_up" + std::to_string(std::find(after.begin(), after.end(), n) - after.begin() + 1);
  };
  auto out = std::make_shared<StoredTensors>();
  std::string rest;
  for (const auto& [name, tensor] : file) {
    if (const int64_t n = number_after(name, blocks, rest); n >= 0) {
      // The last convolution stands alone; those in blocks are called "RDB1.conv1.0".
      for (const char* ending : {".0.weight", ".0.bias"})
        if (rest.ends_with(ending)) rest.erase(rest.size() - std::string_view(ending).size(), 2);
      out->set((n == *body.rbegin() ? "conv_body." : "body." + std::to_string(n) + ".") + replaced(rest, "RDB", "rdb"),
               tensor);
    } else if (const int64_t part = number_after(name, model, rest); part >= 0) {
      out->set(part_name(part) + "." + rest, tensor);
    }
  }
  return out;
}

std::shared_ptr<StoredTensors> from_named(const StoredTensors& file, const std::string& prefix) {
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [full, tensor] : file) {
    if (!full.starts_with(prefix)) continue;
    std::string name = full.substr(prefix.size());
    for (const auto& [old, today] : {std::pair{"RRDB_trunk.", "body."},
                                     {".RDB", ".rdb"},
                                     {"trunk_conv.", "conv_body."},
                                     {"upconv", "conv_up"},
                                     {"HRconv.", "conv_hr."}})
      name = replaced(std::move(name), old, today);
    out->set(std::move(name), tensor);
  }
  return out;
}

std::shared_ptr<StoredTensors> below(const StoredTensors& file, const std::string& prefix) {
  auto out = std::make_shared<StoredTensors>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(prefix)) out->set(name.substr(prefix.size()), tensor);
  return out;
}

bool is_map_of_rank(const StoredTensors& file, const std::string& name, int rank) {
  const StoredTensor* t = file.find(name);
  return t && t->rank() == rank;
}

}  // namespace

std::shared_ptr<const StoredTensors> upscaler_tensors(const StoredTensors& file) {
  for (const char* wrapper :
       {"", "params_ema.", "params-ema.", "params.", "state_dict.", "model.", "net.", "module."}) {
    const std::string prefix = wrapper;
    if (is_map_of_rank(file, prefix + "model.0.weight", 4) &&
        is_map_of_rank(file, prefix + "model.1.sub.0.RDB1.conv1.0.weight", 4))
      return from_numbered(file, prefix);
    const bool dense = is_map_of_rank(file, prefix + "conv_first.weight", 4) &&
                       (is_map_of_rank(file, prefix + "body.0.rdb1.conv1.weight", 4) ||
                        is_map_of_rank(file, prefix + "RRDB_trunk.0.RDB1.conv1.weight", 4));
    const bool compact = is_map_of_rank(file, prefix + "body.0.weight", 4) &&
                         is_map_of_rank(file, prefix + "body.1.weight", 1) &&
                         is_map_of_rank(file, prefix + "body.2.weight", 4);
    if (dense || compact) return from_named(file, prefix);
    if (transformer_kind(file, prefix)) return below(file, prefix);
  }
  return nullptr;
}

}  // namespace easel::models
