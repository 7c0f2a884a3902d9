// Workflows from wherever they are: either JSON form, what services wrap around them, or a picture that carries one.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// Which of its two forms a workflow is read from where it comes in both, as in a picture. kAny: the prompt, because it
// is what really ran.
enum class Form { kAny, kPrompt, kGraph };

// "graph", "prompt"; anything else is kAny.
Form form_named(std::string_view name);

struct Workflow {
  Prompt prompt;                   // what to run
  Json graph = nullptr;            // the editor's form as it was given, null when there was none
  Json extra = nullptr;            // the rest of a POSTed {"prompt": ..., "extra_data": ...}
  bool from_graph = false;         // the prompt was converted from `graph`
  bool chosen = false;             // the form was asked for
  std::vector<std::string> notes;  // what a person should know of how it was read
};

// From JSON: a prompt, a graph, or an object that holds one under "prompt", "output", "workflow" or "input", as what
// clients POST to /prompt, what the editor's export has, and what services take. Throws Error(kInvalid), also when a
// form is asked for that is not there.
Workflow read_workflow(const Json& json, const NodeTable& table, Form form = Form::kAny);

// From the bytes of a JSON text or of a PNG or WebP picture. Throws Error(kInvalid), or kBadFile for a damaged picture.
Workflow read_workflow(std::string_view bytes, const NodeTable& table, Form form = Form::kAny);

// From a file. Errors name it.
Workflow load_workflow(const std::filesystem::path& path, const NodeTable& table, Form form = Form::kAny);

// For a workflow that came in both forms: takes the graph if `accepted` refuses the prompt but not the prompt made from
// the graph, and notes it. Does nothing if the caller asked for one form.
void take_accepted_form(Workflow& flow, const NodeTable& table, const std::function<bool(const Prompt&)>& accepted);

}  // namespace easel::workflow
