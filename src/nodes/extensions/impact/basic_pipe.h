// What Impact-Pack's nodes, and those that work with them, pass together.
#pragma once

#include "node_api/node.h"

namespace easel::nodes {

// Five values that usually go together; before they are computed, what is known of each.
struct BasicPipe {
  Value model, clip, vae, positive, negative;
};
template <>
struct LinkType<BasicPipe> {
  static constexpr const char* kName = "BASIC_PIPE";
  using Held = BasicPipe;
  using Foreseen = BasicPipe;
  static size_t bytes(const BasicPipe& pipe) { return pipe.positive.bytes() + pipe.negative.bytes(); }
};

}  // namespace easel::nodes
