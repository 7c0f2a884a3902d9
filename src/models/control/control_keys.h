// Finds a control network in a file, whatever layout its publisher chose.
#pragma once

#include <memory>

#include "tensor/stored_tensor.h"

namespace easel::models {

enum class ControlKind { kNone, kControlNet, kT2iFull, kT2iLight, kControlLora };

struct ControlTensors {
  ControlKind kind = ControlKind::kNone;
  // Views under the names of the original layout: input_blocks, middle_block, input_hint_block, zero_convs,
  // middle_block_out for a ControlNet; conv_in and body for a T2I-Adapter; those of control_lora.h for a ControlLoRA.
  std::shared_ptr<const StoredTensors> tensors;
};

ControlTensors control_tensors(const StoredTensors& file);

}  // namespace easel::models
