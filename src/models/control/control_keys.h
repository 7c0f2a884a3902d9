// Finds a control network in a file, whatever layout its publisher chose.
#pragma once

#include <memory>

#include "tensor/stored_tensor.h"

namespace easel::models {

enum class ControlKind { kNone, kControlNet, kT2iFull, kT2iLight };

struct ControlTensors {
  ControlKind kind = ControlKind::kNone;
  // Views under the names of the original layout: input_blocks, middle_block, input_hint_block, zero_convs,
  // middle_block_out for a ControlNet; conv_in and body for a T2I-Adapter.
  std::shared_ptr<const StoredTensors> tensors;
};

// Throws Error(kUnsupported), without a file name, for other kinds of control networks.
ControlTensors control_tensors(const StoredTensors& file);

}  // namespace easel::models
