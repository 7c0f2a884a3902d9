// Values as texts, for people and for nodes that make texts of them.
#pragma once

#include <string>

#include "node_api/value.h"

namespace easel::nodes {

// Numbers, flags and texts as Python's str() gives them ("0.1", "True"), lists as their values in brackets. What has no
// text of its own, such as a picture, is named by type and shape ("IMAGE 1x512x512x3").
std::string as_text(const Value& value);

// Whether Python's str() has the same text for it: a number, a flag or a text.
bool has_text(const Value& value);

}  // namespace easel::nodes
