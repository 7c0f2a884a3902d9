#include "engine/events.h"

#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "formats/base64.h"

namespace easel::engine {

using workflow::Json;

namespace {

constexpr int kLargestPreview = 16384;  // pixels on a side

[[noreturn]] void refuse(const std::string& why) { throw Error(Fault::kInvalid, "not an event of a run: " + why); }

const Json& field(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end()) refuse(std::string("'") + key + "' is missing");
  return *it;
}

std::string text(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_string()) refuse(std::string("'") + key + "' is not a text");
  return value.get<std::string>();
}

bool flag(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_boolean()) refuse(std::string("'") + key + "' is not true or false");
  return value.get<bool>();
}

// A whole number that is not negative.
int64_t count(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) ||
      value.get<int64_t>() < 0)
    refuse(std::string("'") + key + "' is not a number of things");
  return value.get<int64_t>();
}

double seconds(const Json& json, const char* key) {
  const Json& value = field(json, key);
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    refuse(std::string("'") + key + "' is not a number of seconds");
  return value.get<double>();
}

std::string as_base64(const void* data, size_t bytes) {
  return formats::encode_base64({static_cast<const uint8_t*>(data), bytes});
}

Json preview_json(const Preview& p) {
  return {{"width", p.width}, {"height", p.height}, {"rgb", as_base64(p.rgb.data(), p.rgb.size())}};
}

Preview read_preview(const Json& json) {
  const int64_t width = count(json, "width"), height = count(json, "height");
  if (width == 0 || height == 0 || width > kLargestPreview || height > kLargestPreview)
    refuse("its preview has no size that a preview can have");
  Preview out{static_cast<int>(width), static_cast<int>(height), formats::decode_base64(text(json, "rgb"))};
  if (out.rgb.size() != static_cast<size_t>(width * height * 3)) refuse("its preview has not the pixels of its size");
  return out;
}

Json ui_json(const nodes::Ui& ui) {
  Json out = Json::object();
  for (const auto& [list, files] : ui) {
    Json& items = out[list] = Json::array();
    for (const nodes::UiFile& f : files) {
      items.push_back({{"filename", f.filename}, {"subfolder", f.subfolder}, {"type", f.type}, {"sent_as", f.sent_as}});
      if (f.text) items.back()["text"] = *f.text;
    }
  }
  return out;
}

nodes::Ui read_ui(const Json& json) {
  if (!json.is_object()) refuse("'ui' is not an object");
  nodes::Ui out;
  for (const auto& item : json.items()) {
    auto& files = out[item.key()];
    if (!item.value().is_array()) refuse("'ui' holds something that is not a list");
    for (const Json& f : item.value()) {
      files.push_back({text(f, "filename"), text(f, "subfolder"), text(f, "type"), text(f, "sent_as")});
      if (f.contains("text")) files.back().text = text(f, "text");
    }
  }
  return out;
}

// ---- an event as JSON

Json written(const NodesReused& e) { return {{"event", "reused"}, {"nodes", e.nodes}}; }
Json written(const NodeStarted& e) {
  return {{"event", "node_started"}, {"node", e.node}, {"class_type", e.class_type}};
}
Json written(const SamplingStarted& e) { return {{"event", "sampling"}, {"node", e.node}}; }
Json written(const NodeProgress& e) {
  Json out = {{"event", "progress"}, {"node", e.node}, {"value", e.value}, {"max", e.max}};
  if (!e.preview.rgb.empty()) out["preview"] = preview_json(e.preview);
  return out;
}
Json written(const PictureFinished& e) {
  return {{"event", "picture"}, {"node", e.node},         {"value", e.value},
          {"max", e.max},       {"type", e.content_type}, {"data", as_base64(e.data.data(), e.data.size())}};
}
Json written(const NodeWarning& e) { return {{"event", "warning"}, {"node", e.node}, {"message", e.text}}; }
Json written(const NodeDetail& e) { return {{"event", "detail"}, {"node", e.node}, {"message", e.text}}; }
Json written(const NodeFinished& e) {
  const NodeReport& r = e.report;
  return {{"event", "node_finished"}, {"node", r.id},       {"class_type", r.class_type},
          {"reused", r.reused},       {"why", r.why},       {"seconds", r.seconds},
          {"bytes", r.bytes},         {"ui", ui_json(e.ui)}};
}

// ---- and back

NodesReused read_reused(const Json& json) {
  NodesReused out;
  const Json& nodes = field(json, "nodes");
  if (!nodes.is_array()) refuse("'nodes' is not a list");
  for (const Json& node : nodes) {
    if (!node.is_string()) refuse("'nodes' holds something that is not a text");
    out.nodes.push_back(node.get<std::string>());
  }
  return out;
}

NodeProgress read_progress(const Json& json) {
  NodeProgress out{text(json, "node"), count(json, "value"), count(json, "max"), {}};
  if (const auto it = json.find("preview"); it != json.end()) out.preview = read_preview(*it);
  return out;
}

PictureFinished read_picture(const Json& json) {
  const auto bytes = formats::decode_base64(text(json, "data"));
  return {text(json, "node"), count(json, "value"), count(json, "max"), text(json, "type"),
          std::string(bytes.begin(), bytes.end())};
}

NodeFinished read_finished(const Json& json) {
  return {{.id = text(json, "node"),
           .class_type = text(json, "class_type"),
           .reused = flag(json, "reused"),
           .why = text(json, "why"),
           .seconds = seconds(json, "seconds"),
           .bytes = static_cast<size_t>(count(json, "bytes"))},
          read_ui(field(json, "ui"))};
}

}  // namespace

Json to_json(const RunEvent& event) {
  return std::visit([](const auto& e) { return written(e); }, event);
}

RunEvent run_event(const Json& json) {
  if (!json.is_object()) refuse("it is not an object");
  const std::string name = text(json, "event");
  if (name == "reused") return read_reused(json);
  if (name == "node_started") return NodeStarted{text(json, "node"), text(json, "class_type")};
  if (name == "sampling") return SamplingStarted{text(json, "node")};
  if (name == "progress") return read_progress(json);
  if (name == "picture") return read_picture(json);
  if (name == "warning") return NodeWarning{text(json, "node"), text(json, "message")};
  if (name == "detail") return NodeDetail{text(json, "node"), text(json, "message")};
  if (name == "node_finished") return read_finished(json);
  refuse("there is no event '" + name + "'");
}

}  // namespace easel::engine
