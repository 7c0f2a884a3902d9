// Converts a prompt's JSON to the arguments of nodes.
#pragma once

#include <functional>

#include "node_api/call.h"
#include "workflow/prompt.h"

namespace easel::engine {

// The value at the source of a link, or an empty one if it is unknown.
using FollowLink = std::function<nodes::Value(const workflow::Link&)>;

nodes::Call::Arguments make_arguments(const workflow::PromptNode& node, const workflow::NodeSpec& spec,
                                      const FollowLink& follow);

}  // namespace easel::engine
