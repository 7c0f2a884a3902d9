#include "server/jobs/job_events.h"

#include "base/error.h"
#include "server/jobs/clock.h"
#include "server/jobs/failure.h"
#include "server/jobs/run/preview_jpeg.h"
#include "server/log.h"
#include "workflow/prompt.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

constexpr auto kPreviewInterval = std::chrono::milliseconds(100);
constexpr auto kStateInterval = std::chrono::milliseconds(50);

std::string message(const char* event, const Json& data) { return dump_json(Json{{"type", event}, {"data", data}}); }

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xFF));
}

bool wants_previews(const std::string& extra_data) {
  try {
    const Json extra = workflow::parse_json(extra_data);
    return !extra.is_object() || extra.value("preview_method", Json()) != "none";
  } catch (const Error&) {
    return true;
  }
}

// What a node shows of one thing: a text, an object given as JSON, a file, or, in the shape of other tools, a picture
// that was sent, or one that is kept under an id, which is its name without the ending (artifacts/exchange.h).
Json ui_item(const nodes::UiFile& f) {
  if (f.text) return f.sent_as == "application/json" ? workflow::parse_json(*f.text) : Json(*f.text);
  if (f.sent_as.empty()) return {{"filename", f.filename}, {"subfolder", f.subfolder}, {"type", f.type}};
  if (f.filename.empty()) return {{"source", "websocket"}, {"content-type", f.sent_as}, {"type", f.type}};
  const std::string id = f.filename.substr(0, f.filename.rfind('.'));
  return {{"source", "http"}, {"id", id}, {"content-type", f.sent_as}, {"type", "output"}};
}

// {"images": [{"filename", "subfolder", "type"}]}; null when the node shows nothing.
Json ui_json(const nodes::Ui& ui) {
  if (ui.empty()) return nullptr;
  Json out = Json::object();
  for (const auto& [list, files] : ui) {
    out[list] = Json::array();
    for (const auto& f : files) out[list].push_back(ui_item(f));
  }
  return out;
}

// The class of each node of a prompt; none of what is no prompt.
std::map<std::string, std::string> classes_in(const std::string& prompt) {
  std::map<std::string, std::string> out;
  try {
    const Json json = workflow::parse_json(prompt);
    for (const auto& item : json.items()) {
      if (!item.value().is_object()) continue;
      const Json type = item.value().value("class_type", Json());
      if (type.is_string()) out[item.key()] = type.get<std::string>();
    }
  } catch (const Error&) {
    // The runner says what is wrong with it.
  }
  return out;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::string queue_info(int64_t queue_length) {
  return R"({"exec_info":{"queue_remaining":)" + std::to_string(queue_length) + "}}";
}

std::string status_message(int64_t queue_length, const std::string& sid) {
  std::string out = R"({"type":"status","data":{"status":)" + queue_info(queue_length);
  if (!sid.empty()) out += ",\"sid\":" + dump_json(sid);
  return out + "}}";
}

void send_status(const JobStore& store, EventHub& hub) {
  try {
    hub.send(Recipients::everybody(), status_message(store.queue_length()), Urgency::kProgress);
  } catch (...) {
    log(Level::kError, "cannot read the queue", {{"error", current_failure().text}});
  }
}

const char* stage_of(const std::string& class_type) {
  const auto has = [&](const char* part) { return class_type.find(part) != std::string::npos; };
  if (has("Sampler")) return "sample";
  if (has("Decode")) return "decode";
  if (has("Encode")) return "encode";
  if (has("Load")) return "load";
  if (has("Save") || has("Preview")) return "save";
  return "other";
}

JobEvents::JobEvents(const Job& job, EventHub& hub, Delivery& delivery, Metrics& metrics)
    : id_(job.id),
      client_(job.client_id.empty() ? Recipients::watchers() : Recipients::client(job.client_id)),
      audience_(job.client_id.empty() ? Recipients::everybody() : client_),
      hub_(hub),
      delivery_(delivery),
      metrics_(metrics),
      classes_(classes_in(job.prompt)),
      previews_(wants_previews(job.extra_data)) {}

std::string JobEvents::node() const {
  MutexLock lock(mutex_);
  return node_;
}

void JobEvents::set_node(const std::string& node) {
  MutexLock lock(mutex_);
  node_ = node;
}

void JobEvents::send(const Recipients& to, std::string text, Urgency urgency) {
  delivery_.send(id_, [&hub = hub_, to, text = std::move(text), urgency]() { hub.send(to, text, urgency); });
}

std::string JobEvents::class_of(const std::string& node) const {
  const auto it = classes_.find(node);
  return it == classes_.end() ? std::string() : it->second;
}

void JobEvents::send_progress(const char* event, const Json& data) {
  send(audience_, message(event, data), Urgency::kProgress);
}

void JobEvents::keep(const char* event, Json data, bool send_now) {
  data["timestamp"] = now_ms();
  if (send_now) send(client_, message(event, data));
  else terminal_ = message(event, data);
  messages_.push_back(Json::array({event, std::move(data)}));
}

void JobEvents::start() { keep("execution_start", {{"prompt_id", id_}}, true); }

void JobEvents::take(const engine::RunEvent& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

void JobEvents::on(const engine::NodesReused& e) {
  reused_.insert(e.nodes.begin(), e.nodes.end());
  metrics_.count("easel_nodes_total", R"(result="reused")", static_cast<double>(e.nodes.size()));
  keep("execution_cached", {{"nodes", e.nodes}, {"prompt_id", id_}}, true);
}

void JobEvents::on(const engine::NodeStarted& e) {
  set_node(e.node);
  node_start_ = Clock::now();
  progress_[e.node] = {};
  send_progress_state();
  send(client_, message("executing", {{"node", e.node}, {"display_node", e.node}, {"prompt_id", id_}}));
}

bool JobEvents::wants_preview() {
  return previews_ && Clock::now() - last_preview_ >= kPreviewInterval && hub_.reaches_anybody(audience_);
}

void JobEvents::on(const engine::NodeProgress& e) {
  tell_progress(e.node, e.value, e.max);
  if (e.preview.rgb.empty()) return;
  last_preview_ = Clock::now();
  delivery_.send(
      id_, [&hub = hub_, to = audience_, picture = picture_message(e.node, "image/jpeg", preview_jpeg(e.preview))]() {
        hub.send_preview(to, picture);
      });
}

void JobEvents::tell_progress(const std::string& node, int64_t value, int64_t max) {
  Steps& entry = progress_[node];
  if (value > entry.value) metrics_.count("easel_steps_total", {}, static_cast<double>(value - entry.value));
  entry = {value, max, false};
  if (value > 0) metrics_.set("easel_steps_per_second", static_cast<double>(value) / seconds_since(node_start_));
  if (value >= max || Clock::now() - last_state_ >= kStateInterval) send_progress_state();
  send_progress("progress", {{"value", value}, {"max", max}, {"prompt_id", id_}, {"node", node}});
}

bool JobEvents::take_picture(const engine::PictureFinished& p) {
  tell_progress(p.node, p.value, p.max);
  if (client_.kind != Recipients::Kind::kClient) return false;
  delivery_.flush(id_);  // a picture that is not taken has to be saved, so that whether it was must be known now
  return hub_.send_picture(client_.client_id, picture_message(p.node, p.content_type, p.data));
}

void JobEvents::on(const engine::NodeWarning& e) {
  log(Level::kWarning, e.text, {{"prompt_id", id_}, {"node", e.node}});
}

void JobEvents::on(const engine::NodeFinished& e) {
  const std::string& node = e.report.id;
  const bool ran = !reused_.contains(node);
  if (ran) {
    metrics_.count("easel_nodes_total", R"(result="executed")");
    metrics_.observe("easel_stage_seconds", seconds_since(node_start_),
                     std::string("stage=\"") + stage_of(class_of(node)) + "\"");
    executed_.push_back(node);
  }
  if (const Json ui = ui_json(e.ui); !ui.is_null()) {
    outputs_[node] = ui;
    meta_[node] = {{"node_id", node}, {"display_node", node}, {"parent_node", nullptr}, {"real_node_id", node}};
    send(client_, message("executed", {{"node", node}, {"display_node", node}, {"output", ui}, {"prompt_id", id_}}));
  }
  Steps& entry = progress_[node];
  entry.value = entry.max;
  entry.finished = true;
  send_progress_state();
  set_node({});
}

void JobEvents::send_progress_state() {
  last_state_ = Clock::now();
  Json nodes = Json::object();
  for (const auto& [node, entry] : progress_)
    nodes[node] = {
        {"value", entry.value},      {"max", entry.max},    {"state", entry.finished ? "finished" : "running"},
        {"node_id", node},           {"prompt_id", id_},    {"display_node_id", node},
        {"parent_node_id", nullptr}, {"real_node_id", node}};
  send_progress("progress_state", {{"prompt_id", id_}, {"nodes", std::move(nodes)}});
}

PictureMessage JobEvents::picture_message(const std::string& node, const std::string& content_type,
                                          const std::string& data) const {
  PictureMessage out;
  append_u32(out.plain, 1);                                       // a picture
  append_u32(out.plain, content_type == "image/jpeg" ? 1u : 2u);  // of type JPEG or PNG
  out.plain += data;
  const std::string metadata = dump_json(Json{{"node_id", node},
                                              {"prompt_id", id_},
                                              {"display_node_id", node},
                                              {"parent_node_id", nullptr},
                                              {"real_node_id", node},
                                              {"image_type", content_type}});
  append_u32(out.described, 4);  // a picture with metadata
  append_u32(out.described, static_cast<uint32_t>(metadata.size()));
  out.described += metadata + data;
  return out;
}

JobResult JobEvents::conclude(const RunResult& result) {
  JobResult out;
  Json data = {{"prompt_id", id_}};
  if (result.end == RunEnd::kSuccess) {
    out.state = JobState::kSuccess;
    keep("execution_success", std::move(data), false);
  } else {
    const std::string node = result.node.empty() ? this->node() : result.node;
    data["node_id"] = node;
    data["node_type"] = result.node_class.empty() ? class_of(node) : result.node_class;
    data["executed"] = executed_;
    if (result.end == RunEnd::kInterrupted) {
      out.state = JobState::kInterrupted;
      out.failure = "interrupted";
      interrupted_ = true;
      keep("execution_interrupted", std::move(data), false);
    } else {
      out.state = JobState::kFailed;
      out.failure = result.error;
      data["exception_message"] = result.error;
      data["exception_type"] = result.error_type;
      data["reason"] = result.reason.empty() ? result.error : result.reason;
      if (!result.code.empty()) data["code"] = result.code;
      if (!result.hint.empty()) data["hint"] = result.hint;
      if (!result.input.empty()) data["input_name"] = result.input;
      data["traceback"] = Json::array();
      data["current_inputs"] = result.current_inputs;
      data["current_outputs"] = executed_;
      keep("execution_error", std::move(data), false);
    }
  }
  out.outputs = dump_json(outputs_);
  out.messages = dump_json(messages_);
  out.meta = dump_json(meta_);
  return out;
}

void JobEvents::send_end() { send(interrupted_ ? audience_ : client_, terminal_); }

void JobEvents::send_idle() { send(client_, message("executing", {{"node", nullptr}, {"prompt_id", id_}})); }

}  // namespace easel::server
