#include "workflow/load.h"

#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "workflow/convert/convert.h"
#include "workflow/convert/lora_lists.h"
#include "workflow/convert/switches.h"

namespace easel::workflow {
namespace {

constexpr size_t kMaxFile = size_t{256} << 20;
constexpr int kDeepestWrapper = 4;

Workflow from_graph(const Json& json, const NodeTable& table) {
  Workflow out;
  out.prompt = to_prompt(parse_graph(json, table), table);
  out.graph = json;
  out.from_graph = true;
  return out;
}

Workflow from_prompt(const Json& json, const NodeTable& table) {
  Workflow out;
  out.prompt = parse_prompt(json);
  take_apart_lora_lists(out.prompt, table);
  take_out_switches(out.prompt, table);
  return out;
}

bool looks_like_picture(std::string_view bytes) { return formats::picture_format(bytes).has_value(); }

// Nodes by their id. One that lacks its class is still a node, for validation to say so.
bool looks_like_prompt(const Json& json) {
  if (!json.is_object() || json.empty()) return false;
  bool any = false;
  for (const Json& value : json) {
    if (!value.is_object()) return false;
    any = any || value.contains("class_type") || (value.contains("inputs") && value["inputs"].is_object());
  }
  return any;
}

// The keys under which services expect the workflow, those for prompts first.
constexpr const char* kWrappers[] = {"prompt", "output", "workflow_api", "workflow", "input"};

// A part of a wrapper; some hold it as JSON text.
Json unpacked(const Json& value) {
  if (value.is_string() && value.get_ref<const std::string&>().find('{') != std::string::npos)
    return parse_json(value.get_ref<const std::string&>());
  return value;
}

// Both forms as far as they are there, else null.
struct Forms {
  Json prompt = nullptr, graph = nullptr;
};

void find_forms(const Json& json, Forms& forms, int depth) {
  if (looks_like_graph(json)) {
    if (forms.graph.is_null()) forms.graph = json;
  } else if (looks_like_prompt(json)) {
    if (forms.prompt.is_null()) forms.prompt = json;
  } else if (json.is_object() && depth < kDeepestWrapper) {
    for (const char* key : kWrappers)
      if (const auto it = json.find(key); it != json.end() && (it->is_object() || it->is_string()))
        find_forms(unpacked(*it), forms, depth + 1);
  }
}

Error lacks(const char* form, const char* other) {
  return Error(Fault::kInvalid, std::string("holds no ") + form + ", only a " + other)
      .fix(std::string("Leave --form away, or choose ") + other);
}

// `forms` holds at least one. What cannot be read gives way to the other form, as does a graph without any node, which
// programs that only know prompts write beside them.
Workflow from_forms(Forms forms, const NodeTable& table, Form form) {
  if (!forms.prompt.is_null() && looks_like_graph(forms.graph) && forms.graph["nodes"].empty()) forms.graph = nullptr;
  if (form == Form::kPrompt && forms.prompt.is_null()) throw lacks("prompt", "graph");
  if (form == Form::kGraph && forms.graph.is_null()) throw lacks("graph", "prompt");
  Workflow out;
  if (form == Form::kGraph || forms.prompt.is_null()) {
    out = from_graph(forms.graph, table);
  } else {
    try {
      out = from_prompt(forms.prompt, table);
      out.graph = forms.graph;
    } catch (const Error& e) {
      if (form == Form::kPrompt || forms.graph.is_null()) throw;
      out = from_graph(forms.graph, table);
      out.notes.push_back("its prompt cannot be read (" + e.message() + "), so its graph is taken");
    }
  }
  out.chosen = form != Form::kAny;
  return out;
}

// Named "prompt" and "workflow", as ComfyUI writes them.
Workflow from_picture(std::string_view bytes, const NodeTable& table, Form form) {
  const auto info = formats::inspect_picture({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const auto text = [&](const char* name) -> const std::string* {
    for (const auto& [key, value] : info.text)
      if (key == name && !value.empty()) return &value;
    return nullptr;
  };
  Forms forms;
  std::optional<Error> damaged;
  for (const auto& [name, json] : {std::pair{"prompt", &forms.prompt}, {"workflow", &forms.graph}}) {
    const std::string* written = text(name);
    if (!written) continue;
    try {
      *json = parse_json(*written);
    } catch (const Error& e) {
      damaged = e;
    }
  }
  // Some programs write either form under either name.
  if (looks_like_graph(forms.prompt) || looks_like_prompt(forms.graph)) {
    Forms sorted;
    find_forms(forms.prompt, sorted, 0);
    find_forms(forms.graph, sorted, 0);
    forms = sorted;
  }
  if (!forms.prompt.is_null() || !forms.graph.is_null()) return from_forms(forms, table, form);
  if (damaged) throw *damaged;
  if (text("parameters"))
    throw Error(Fault::kInvalid,
                "this picture carries the parameters of another program (AUTOMATIC1111's), no workflow")
        .fix("Its prompt, seed and steps are in it as text: set them in a workflow, such as img2img.json");
  throw Error(Fault::kInvalid, "this picture carries no workflow")
      .fix("Only pictures saved by Easel or ComfyUI do, and only while no other program has rewritten them");
}

}  // namespace

Form form_named(std::string_view name) {
  return name == "graph" ? Form::kGraph : name == "prompt" ? Form::kPrompt : Form::kAny;
}

Workflow read_workflow(const Json& json, const NodeTable& table, Form form) {
  if (!json.is_object())
    throw Error(Fault::kInvalid, "a workflow must be a JSON object, this is " + std::string(json.type_name()));
  Forms forms;
  find_forms(json, forms, 0);
  if (forms.prompt.is_null() && forms.graph.is_null()) {
    // What is wrapped as a prompt is one, however damaged: validation says what it lacks.
    const auto wrapped = json.find("prompt");
    if (json.empty()) forms.prompt = json;
    else if (wrapped != json.end() && wrapped->is_object()) forms.prompt = *wrapped;
    else
      throw Error(Fault::kInvalid,
                  "this is no workflow: it holds neither nodes and links, as the editor saves them, nor "
                  "nodes by their id with class_type and inputs, as its API form has them");
  }
  const auto extra = json.find("extra_data");
  if (extra != json.end() && extra->is_object() && extra->contains("extra_pnginfo") && forms.graph.is_null()) {
    const Json& info = (*extra)["extra_pnginfo"];
    if (info.is_object() && info.contains("workflow")) forms.graph = info["workflow"];
  }
  Workflow out = from_forms(forms, table, form);
  if (extra != json.end()) out.extra = *extra;
  return out;
}

Workflow read_workflow(std::string_view bytes, const NodeTable& table, Form form) {
  if (looks_like_picture(bytes)) return from_picture(bytes, table, form);
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);  // a byte order mark, as Windows editors leave
  return read_workflow(parse_json(bytes), table, form);
}

void take_accepted_form(Workflow& flow, const NodeTable& table, const std::function<bool(const Prompt&)>& accepted) {
  if (flow.chosen || flow.from_graph || !looks_like_graph(flow.graph) || accepted(flow.prompt)) return;
  try {
    Workflow other = from_graph(flow.graph, table);
    if (!accepted(other.prompt)) return;
    flow.prompt = std::move(other.prompt);
    flow.from_graph = true;
    flow.notes.push_back("its prompt cannot be run, so its graph is taken; --form prompt says why");
  } catch (const Error&) {
    // The prompt's own faults are what is to be told.
  }
}

Workflow load_workflow(const std::filesystem::path& path, const NodeTable& table, Form form) {
  try {
    return read_workflow(std::string_view(read_file(path, kMaxFile)), table, form);
  } catch (Error& e) {
    throw e.in_file(path.string());
  }
}

}  // namespace easel::workflow
