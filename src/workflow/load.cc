#include "workflow/load.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "workflow/convert/convert.h"

namespace easel::workflow {
namespace {

constexpr size_t kMaxFile = size_t{256} << 20;

Workflow from_graph(const Json& json, const NodeTable& table) {
  Workflow out;
  out.prompt = to_prompt(parse_graph(json), table);
  out.graph = json;
  out.from_graph = true;
  return out;
}

bool looks_like_picture(std::string_view bytes) {
  return bytes.starts_with("\x89PNG") || bytes.starts_with("\xFF\xD8\xFF") ||
         (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP"));
}

// Named "prompt" and "workflow", as ComfyUI writes them.
Workflow from_picture(std::string_view bytes, const NodeTable& table) {
  const auto info = formats::inspect_picture({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  const auto text = [&](const char* name) -> const std::string* {
    for (const auto& [key, value] : info.text)
      if (key == name && !value.empty()) return &value;
    return nullptr;
  };
  const std::string *prompt = text("prompt"), *graph = text("workflow");
  if (prompt) {
    Workflow out;
    out.prompt = parse_prompt(parse_json(*prompt));
    if (graph) out.graph = parse_json(*graph);
    return out;
  }
  if (graph) return read_workflow(parse_json(*graph), table);
  if (text("parameters"))
    throw Error(Fault::kInvalid,
                "this picture carries the parameters of another program (AUTOMATIC1111's), no workflow")
        .fix("Its prompt, seed and steps are in it as text: set them in a workflow, such as img2img.json");
  throw Error(Fault::kInvalid, "this picture carries no workflow")
      .fix("Only pictures saved by Easel or ComfyUI do, and only while no other program has rewritten them");
}

}  // namespace

Workflow read_workflow(const Json& json, const NodeTable& table) {
  if (looks_like_graph(json)) return from_graph(json, table);
  if (!json.is_object())
    throw Error(Fault::kInvalid, "a workflow must be a JSON object, this is " + std::string(json.type_name()));
  const auto wrapped = json.find("prompt");
  if (wrapped == json.end() || !wrapped->is_object() || wrapped->contains("class_type")) {
    Workflow out;
    out.prompt = parse_prompt(json);
    return out;
  }
  Workflow out = read_workflow(*wrapped, table);
  if (const auto extra = json.find("extra_data"); extra != json.end()) {
    out.extra = *extra;
    if (out.graph.is_null() && extra->is_object() && extra->contains("extra_pnginfo")) {
      const Json& info = (*extra)["extra_pnginfo"];
      if (info.is_object() && info.contains("workflow")) out.graph = info["workflow"];
    }
  }
  return out;
}

Workflow read_workflow(std::string_view bytes, const NodeTable& table) {
  if (looks_like_picture(bytes)) return from_picture(bytes, table);
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);  // a byte order mark, as Windows editors leave
  return read_workflow(parse_json(bytes), table);
}

Workflow load_workflow(const std::filesystem::path& path, const NodeTable& table) {
  try {
    return read_workflow(std::string_view(read_file(path, kMaxFile)), table);
  } catch (Error& e) {
    throw e.in_file(path.string());
  }
}

}  // namespace easel::workflow
