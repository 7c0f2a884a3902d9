// What clients of the tooling nodes (comfyui-tooling-nodes), such as the painting program Krita's plugin, ask for
// beside ComfyUI's own API: pictures by id, what model files are, uploads of LoRAs, workflows passed between clients.
#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "artifacts/exchange.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/utf8.h"
#include "base/mutex.h"
#include "formats/tensors/safetensors.h"
#include "server/http/file_answers.h"
#include "server/log.h"
#include "server/routes/picture_work.h"
#include "server/routes/services.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using artifacts::Area;
using workflow::dump_json;
using workflow::Json;

namespace {

constexpr size_t kMostSubscribers = 1000, kMostPublishers = 100;
// All of them are sent to a new subscriber at once, and must fit into what may wait for it (EventHub's hard limit).
constexpr size_t kLargestWorkflow = size_t{2} << 20, kMostPublished = size_t{6} << 20;
constexpr size_t kLongestFileName = 255;
constexpr int kCreated = 201;

Response status(const char* what, int code = 200) { return Response::json(dump_json({{"status", what}}), code); }

// The body that was streamed to a file.
MappedFile body_of(const Request& request) {
  if (request.body_file.empty()) throw Error(Fault::kInvalid, "the request has no body");
  return MappedFile::open(request.body_file);
}

// --- Pictures by id ---

Response put_picture(const Services& s, const Request& request) {
  const std::string& id = request.captures.at(0);
  const artifacts::Name name = artifacts::exchanged(id);
  if (const auto known = s.artifacts.find(name, NameFrom::kClient)) {
    std::error_code ignored;  // it stays as long as if it had come now
    std::filesystem::last_write_time(*known, std::filesystem::file_time_type::clock::now(), ignored);
    return status("cached");
  }
  const MappedFile file = body_of(request);
  check_uploaded_picture(s, file.bytes(), id);
  require_room(s, Area::kTemp, 0);  // the body lies there already
  s.artifacts.put(name, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                  artifacts::IfTaken::kReplace);
  return status("success", kCreated);
}

Response get_picture(const Services& s, const Request& request) {
  const auto file = s.artifacts.find(artifacts::exchanged(request.captures.at(0)), NameFrom::kClient);
  if (!file) return Response::error(404, "not_found", "there is no picture with this id", request.captures.at(0));
  return file_answer(request, *file);
}

// --- Models ---

Response model_info(const Services& s, const Request& request) {
  const std::string kind = request.captures.empty() ? "checkpoints" : request.captures[0];
  if (s.models.folders(kind).empty()) return Response::error(400, "invalid", "no such kind of model", kind);
  const auto offset = static_cast<size_t>(number_param(request, "offset", 0).value_or(0));
  return Response::json(dump_json(s.catalogue.base_models(kind, offset, number_param(request, "limit", 0))));
}

// Throws Error(kInvalid) for what may not be the name of an uploaded model: a file of the folder itself, by letters
// that every file system takes.
void check_model_name(const std::string& name) {
  const std::string lower = lower_ascii(name);
  const bool ending = lower.ends_with(".safetensors") || lower.ends_with(".sft");
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ' ';
  });
  if (!ending || !letters || name.size() > kLongestFileName || name.starts_with('.') ||
      name.find("..") != std::string::npos)
    throw Error(Fault::kInvalid, "'" + name.substr(0, kLongestFileName) + "' cannot be the name of an uploaded model")
        .fix("Names consist of letters, digits, '_', '-', '.' and blanks, and end in .safetensors");
}

Response upload_model(const Services& s, const Request& request) {
  const std::string &kind = request.captures.at(0), &name = request.captures.at(1);
  const auto folders = s.models.folders(kind);
  if (folders.empty()) return Response::error(400, "invalid", "no such kind of model", kind);
  check_model_name(name);
  if (s.models.try_find(kind, name)) return status("cached");
  const MappedFile file = body_of(request);
  formats::read_safetensors(file);  // throws unless it is one
  std::filesystem::create_directories(folders.front());
  write_file(folders.front() / name, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  log(Level::kInfo, "model uploaded",
      {{"folder", kind}, {"name", name}, {"bytes", static_cast<int64_t>(file.bytes().size())}});
  return status("success", kCreated);
}

// --- Workflows passed between clients ---

std::string text_of(const Json& body, const char* key) {
  const auto it = body.find(key);
  if (it == body.end() || !it->is_string() || it->get_ref<const std::string&>().size() > kLongestFileName)
    throw Error(Fault::kInvalid, std::string("'") + key + "' must be a text of at most 255 characters");
  return it->get<std::string>();
}

// Clients that publish workflows, and those that want to know of them.
class Exchange {
 public:
  explicit Exchange(EventHub& hub) : hub_(hub) {}

  // The newest workflow of a client takes the place of its one before.
  void publish(const Json& body) {
    const auto workflow = body.find("workflow");
    if (workflow == body.end() || !workflow->is_object()) throw Error(Fault::kInvalid, "'workflow' must be an object");
    const std::string id = text_of(body, "client_id");
    const Json event = {
        {"type", "etn_workflow_published"},
        {"data", {{"publisher", {{"name", text_of(body, "name")}, {"id", id}}}, {"workflow", *workflow}}}};
    std::string message = dump_json(event);
    if (message.size() > kLargestWorkflow)
      throw Error(Fault::kInvalid, "the workflow is larger than the " + std::to_string(kLargestWorkflow >> 20) +
                                       " MiB that are passed on");
    const MutexLock lock(mutex_);
    forget(id);
    while (published_.size() >= kMostPublishers || published_bytes_ + message.size() > kMostPublished)
      forget(published_.begin()->first);
    published_bytes_ += message.size();
    const std::string& kept = published_[id] = std::move(message);
    for (const std::string& subscriber : subscribers_) hub_.send(Recipients::client(subscriber), kept);
  }
  void subscribe(const Json& body) {
    const std::string id = text_of(body, "client_id");
    const MutexLock lock(mutex_);
    if (subscribers_.size() >= kMostSubscribers) throw Error(Fault::kMemory, "too many clients have subscribed");
    if (!subscribers_.insert(id).second) throw Error(Fault::kInvalid, "this client has subscribed already");
    for (const auto& [publisher, event] : published_) hub_.send(Recipients::client(id), event);
  }
  void unsubscribe(const Json& body) {
    const MutexLock lock(mutex_);
    if (subscribers_.erase(text_of(body, "client_id")) == 0)
      throw Error(Fault::kInvalid, "this client has not subscribed");
  }

 private:
  void forget(std::string id) EASEL_REQUIRES(mutex_) {
    const auto it = published_.find(id);
    if (it == published_.end()) return;
    published_bytes_ -= it->second.size();
    published_.erase(it);
  }

  EventHub& hub_;
  Mutex mutex_;
  size_t published_bytes_ EASEL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> subscribers_ EASEL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> published_ EASEL_GUARDED_BY(mutex_);  // messages by their publisher
};

}  // namespace

void add_tooling_routes(Router& router, Services& s) {
  constexpr bool kStreamed = true;
  router.add("PUT", "/etn/image/{id}", picture_handler(s, put_picture), kStreamed);
  router.add("GET", "/etn/image/{id}", s.pool.handler([&s](Request& request) { return get_picture(s, request); }));

  const auto info = s.models_pool.handler([&s](Request& request) { return model_info(s, request); });
  router.add("GET", "/etn/model_info", info);
  router.add("GET", "/etn/model_info/{folder}", info);
  router.add("PUT", "/etn/upload/{folder}/{name}",
             s.models_pool.handler([&s](Request& request) { return upload_model(s, request); }), kStreamed);

  // There is no translator: no language is offered, and texts come back as they are.
  router.get("/etn/languages", [](const Request&) { return Response::json("[]"); });
  router.get("/etn/translate/{language}/{text...}",
             [](const Request& request) { return Response::json(dump_json(Json(request.captures.at(1)))); });

  const auto exchange = std::make_shared<Exchange>(s.hub);
  const auto add = [&](const char* pattern, void (Exchange::*what)(const Json&)) {
    router.add("POST", pattern, s.pool.handler([exchange, what](Request& request) {
      (*exchange.*what)(body_json(request));
      return status("success");
    }));
  };
  add("/etn/workflow/publish", &Exchange::publish);
  add("/etn/workflow/subscribe", &Exchange::subscribe);
  add("/etn/workflow/unsubscribe", &Exchange::unsubscribe);
}

}  // namespace easel::server
