// What the routes share.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "artifacts/artifact_store.h"
#include "base/cancel.h"
#include "library/folders.h"
#include "server/events/delivery.h"
#include "server/events/event_hub.h"
#include "server/http/http.h"
#include "server/http/task_pool.h"
#include "server/jobs/job_store.h"
#include "server/jobs/run/job_runner.h"
#include "server/jobs/workforce.h"
#include "server/metrics.h"
#include "techniques/catalogue.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::server {

// What the server says about itself in /system_stats.
struct About {
  std::string version;                 // "0.1.0"
  std::vector<std::string> arguments;  // of the command line, secrets left out
};

struct Services {
  // What workflows may hold, and the files there are for them.
  const workflow::NodeTable& table;
  const workflow::ChoiceProvider& choices;
  const library::Folders& models;
  techniques::Catalogue& catalogue;
  artifacts::ArtifactStore& artifacts;
  std::filesystem::path user;  // settings and user data

  // The way of a job.
  JobStore& store;
  Workforce& workers;
  JobRunner& runner;
  EventHub& hub;
  Delivery& delivery;

  TaskPool& pool;
  TaskPool& models_pool;    // for what looks through model folders, which may be large and far away
  TaskPool& pictures_pool;  // one thread, for what decodes pictures: picture_handler()
  TaskPool& lists_pool;     // one thread, for the whole queue and history, which hold all that clients sent
  CancelToken stopping;     // cancelled when the server stops
  Metrics& metrics;
  const std::atomic<bool>& ready;  // false while the server starts or stops
  uint64_t max_upload = 0;         // bytes
  uint64_t input_quota = 0;        // bytes that uploads may fill the input and the temp folder up to, each; 0: any
  std::string token;               // as in AccessPolicy
  About about;
  // The model files that a prompt needs of whoever runs it; empty where this process does.
  std::function<std::vector<ModelFile>(const workflow::Prompt&)> needs = {};
};

// Each adds its group of routes. The services outlive the router.
void add_prompt_routes(Router& router, Services& services);   // /prompt
void add_queue_routes(Router& router, Services& services);    // /queue /history /interrupt /free
void add_info_routes(Router& router, Services& services);     // /object_info /models /system_stats /metrics ...
void add_upload_routes(Router& router, Services& services);   // /upload/image /upload/mask
void add_view_routes(Router& router, Services& services);     // /view /view_metadata
void add_user_routes(Router& router, Services& services);     // /users /settings /userdata
void add_tooling_routes(Router& router, Services& services);  // /etn
void add_library_routes(Router& router, Services& services);  // /easel/models /easel/tokens /easel/pictures
void add_page_routes(Router& router, Services& services);     // / and its files

// [number, id, prompt, extra_data, outputs], as queue and history show a job.
std::string queue_item(const Job& job);
// {"id": {"prompt": ..., "outputs": ..., "status": ..., "meta": ...}, ...}
std::string history_json(std::vector<Job> jobs);

// The artifact that a client means: "a.png [input]" in a file name counts more than `type` ("input", "output", "temp").
// Returns nothing if `type` is needed and is none of these.
std::optional<artifacts::Name> artifact_name(const std::string& file, const std::string& subfolder,
                                             const std::string& type);

// The JSON of a request's body, whatever its content type says; an empty body is an empty object. Throws
// Error(kInvalid).
workflow::Json body_json(const Request& request);

// The query value that is a whole number of at most 12 digits; nothing when it is absent. Throws
// Error(kInvalid) for anything else, and for less than `least`.
std::optional<int64_t> number_param(const Request& request, const std::string& name,
                                    int64_t least = std::numeric_limits<int64_t>::min());

// Throws Error(kInvalid) unless the bytes are a picture that can be decoded to its end and carries no more text than
// one may. A picture that is not whole is logged under `name`.
void check_uploaded_picture(const Services& services, std::span<const uint8_t> picture, const std::string& name);

// Throws Error(kMemory) when so many bytes more do not fit into the quota of uploads, which the input and the temp area
// have each.
void require_room(const Services& services, artifacts::Area area, size_t bytes);

}  // namespace easel::server
