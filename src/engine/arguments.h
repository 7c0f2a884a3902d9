// From a prompt's JSON to what a node is called with.
#pragma once

#include <functional>

#include "node_api/call.h"
#include "workflow/prompt.h"

namespace easel::engine {

// The value at the other end of a link; an empty one where nothing is known.
using FollowLink = std::function<nodes::Value(const workflow::Link&)>;

nodes::Call::Arguments make_arguments(const workflow::PromptNode& node, const workflow::NodeSpec& spec,
                                      const FollowLink& follow);

}  // namespace easel::engine
