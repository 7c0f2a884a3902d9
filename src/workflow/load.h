// Workflows from wherever they are: either JSON form, or a picture that carries one.
#pragma once

#include <filesystem>
#include <string_view>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

struct Workflow {
  Prompt prompt;            // what to run
  Json graph = nullptr;     // the editor's form as it was given, null when there was none
  Json extra = nullptr;     // the rest of a POSTed {"prompt": ..., "extra_data": ...}
  bool from_graph = false;  // the prompt was converted from `graph`
};

// From JSON: a prompt, a graph, or what clients POST to /prompt. Throws Error(kInvalid).
Workflow read_workflow(const Json& json, const NodeTable& table);

// From the bytes of a JSON text or of a PNG or WebP picture; a picture's "prompt" is preferred over its
// "workflow", because it is what really ran. Throws Error(kInvalid), or kBadFile for a damaged picture.
Workflow read_workflow(std::string_view bytes, const NodeTable& table);

// From a file. Errors name it.
Workflow load_workflow(const std::filesystem::path& path, const NodeTable& table);

}  // namespace easel::workflow
