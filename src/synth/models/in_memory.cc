#include "synth/models/in_memory.h"

#include <filesystem>

#include "synth/models/values.h"

namespace easel::synth {

std::shared_ptr<const StoredTensors> make_tensors(const SynthFile& file, std::string_view prefix, uint64_t seed) {
  const std::string name = std::filesystem::path(file.path).filename().string();
  auto map = std::make_shared<StoredTensors>();
  for (const auto& [key, shape] : file.tensors) {
    if (!std::string_view(key).starts_with(prefix)) continue;
    Tensor t(shape, DType::kF16);
    fill_values(value_state(name, key, seed), value_rule(key, shape), 0, t.numel(), t.data<Half>());
    map->set(key, std::move(t));
  }
  return map;
}

}  // namespace easel::synth
