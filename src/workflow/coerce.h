// Conversion of widget values by the rules of Python.
#pragma once

#include <string>

#include "workflow/json.h"
#include "workflow/schema.h"

namespace easel::workflow {

// int(value), float(value), str(value) or bool(value) by the input's type; other types unchanged.
// Throws Error(kInvalid) with Python's message. INT gives an integer between -2^63 and 2^64-1.
Json coerce(const InputSpec& input, const Json& value);

// value < bound, exactly, for any mix of integers and floats.
bool less(const Json& a, const Json& b);

// Text from a command line as the input's type ("0x10" and "10" for INT, "true", "no", "1" for BOOLEAN).
// Throws Error(kUsage) that says what was expected.
Json parse_value(const InputSpec& input, const std::string& text);

}  // namespace easel::workflow
