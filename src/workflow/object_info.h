// The node table as clients of ComfyUI's /object_info read it.
#pragma once

#include "workflow/json.h"
#include "workflow/schema.h"

namespace easel::workflow {

// null for monostate.
Json to_json(const Literal& literal);

// [type or choices, {options}]; options are left out when empty unless `always_options`.
Json input_config(const InputSpec& input, const ChoiceProvider& provider, bool always_options = false);

// What /object_info/CLASS says under the class's name.
Json object_info(const NodeSpec& node, const ChoiceProvider& provider);

// All classes by name.
Json object_info(const NodeTable& table, const ChoiceProvider& provider);
// The same as text. Each list of model files stands in it as often as there are inputs that choose from it: with many
// thousands of files that is 100 MB, which as JSON would take more than ten times of that.
std::string object_info_text(const NodeTable& table, const ChoiceProvider& provider);

}  // namespace easel::workflow
