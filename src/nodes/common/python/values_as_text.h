// Values as texts, for nodes that show values or turn them into text.
#pragma once

#include <string>

#include "node_api/value.h"

namespace easel::nodes {

// Numbers, flags and texts as Python's str() gives them ("0.1", "True"), lists as their values in brackets. A value of
// any other type, such as a picture, is described by its type and shape ("IMAGE 1x512x512x3").
std::string as_text(const Value& value);

// Whether the value is a number, a flag or a text, for which as_text() gives what Python's str() would.
bool has_text(const Value& value);

}  // namespace easel::nodes
