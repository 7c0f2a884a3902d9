// JSON as workflows use it: order kept, hostile text refused.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace easel::workflow {

using Json = nlohmann::ordered_json;

// What untrusted text may hold.
struct JsonLimits {
  size_t bytes = size_t{64} << 20;
  int depth = 100;
  size_t keys = 20000;  // in one object
  // In one text. The values of a text take up to forty times its memory, and the library cannot be refused any while it
  // takes them apart: too little ends the process.
  size_t values = 500000;
};

// Parses text. Python's NaN and Infinity, which ComfyUI writes into pictures, become null.
// Throws Error(kInvalid) with the place of the fault, or naming the limit that was passed.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact text; strings that are not UTF-8 are repaired, never thrown about.
std::string dump_json(const Json& json, int indent = -1);

// A value as Python's str() and repr() print it, which ComfyUI's messages are made of.
std::string python_str(const Json& json);
std::string python_repr(const Json& json);
std::string python_number(double value);

}  // namespace easel::workflow
