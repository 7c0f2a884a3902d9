#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>

#include "server/fleet/fleet_models.h"
#include "server/routes/services.h"
#include "workflow/json.h"
#include "workflow/object_info.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;
namespace fs = std::filesystem;

namespace {

// Free and total memory of the machine, in bytes.
std::pair<uint64_t, uint64_t> memory() {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return {0, 0};
  uint64_t free = uint64_t{info.freeram} * info.mem_unit;
  // What the page cache holds is given up when needed.
  if (FILE* file = std::fopen("/proc/meminfo", "re")) {
    char line[128];
    unsigned long long kib = 0;
    while (std::fgets(line, sizeof line, file))
      if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) free = kib << 10;
    std::fclose(file);
  }
  return {free, uint64_t{info.totalram} * info.mem_unit};
}

Response system_stats(const Services& s) {
  const auto [free, total] = memory();
  const RunnerStats held = s.runner.stats();
  const Json device = {{"name", held.device}, {"type", held.device}, {"index", 0},
                       {"vram_total", total}, {"vram_free", free},   {"torch_vram_total", held.model_bytes},
                       {"torch_vram_free", 0}};
  const Json system = {{"os", "posix"},
                       {"ram_total", total},
                       {"ram_free", free},
                       {"comfyui_version", "easel " + s.about.version},
                       {"python_version", ""},
                       {"pytorch_version", ""},
                       {"embedded_python", false},
                       {"argv", s.about.arguments}};
  return Response::json(dump_json(Json{{"system", system}, {"devices", Json::array({device})}}));
}

Response models_in(const Services& s, const Request& request) {
  const std::string& folder = request.captures.at(0);
  const auto kinds = s.models.kinds();
  if (std::find(kinds.begin(), kinds.end(), folder) == kinds.end() && s.models.folders(folder).empty() &&
      !(s.needs && model_kinds(s.table).contains(folder)))
    return Response::error(404, "not_found", "no such kind of model", folder);
  // In a fleet these are the runners' files as well.
  return Response::json(dump_json(Json(s.needs ? s.choices.choices(folder) : s.models.list(folder))));
}

Response embeddings(const Services& s) {
  Json names = Json::array();
  for (const std::string& file : s.models.list("embeddings")) names.push_back(fs::path(file).replace_extension());
  return Response::json(dump_json(names));
}

Response object_info(const Services& s, const Request& request) {
  if (request.captures.empty()) return Response::json(workflow::object_info_text(s.table, s.choices));
  Json out = Json::object();
  const std::string& name = request.captures[0];
  if (const auto* node = s.table.find(name)) out[name] = workflow::object_info(*node, s.choices);
  return Response::json(dump_json(out));
}

void describe_metrics(Services& s) {
  Metrics& m = s.metrics;
  m.describe("easel_jobs_total", "counter", "Jobs that have ended, by how.");
  m.describe("easel_job_seconds", "histogram", "Seconds a job waited in the queue and seconds it ran.");
  m.describe("easel_stage_seconds", "histogram", "Seconds that a node ran, by the stage of work it belongs to.");
  m.describe("easel_nodes_total", "counter", "Nodes of jobs: executed, or reused from an earlier run.");
  m.describe("easel_steps_total", "counter", "Sampling and other steps done.");
  m.describe("easel_steps_per_second", "gauge", "Speed of the node that ran last or runs now.");
  m.describe("easel_store_seconds", "histogram", "Seconds that a call of the job store took.");
  m.describe("easel_http_requests_total", "counter", "Requests answered, by status.");
  m.gauge("easel_queue_length", "Jobs waiting or running.",
          [&s] { return static_cast<double>(s.store.queue_length()); });
  m.gauge("easel_queue_paused", "1 while no new jobs are begun.", [&s] { return s.store.paused() ? 1.0 : 0.0; });
  m.gauge("easel_ws_clients", "WebSocket connections.", [&s] { return static_cast<double>(s.hub.clients()); });
  m.gauge("easel_model_bytes", "Memory held by model weights.",
          [&s] { return static_cast<double>(s.runner.stats().model_bytes); });
  m.gauge("easel_result_bytes", "Memory held by results kept for reuse.",
          [&s] { return static_cast<double>(s.runner.stats().result_bytes); });
  m.gauge("process_resident_memory_bytes", "Memory this process holds.",
          [] { return static_cast<double>(resident_bytes()); });
  m.gauge("process_peak_resident_memory_bytes", "The most memory this process has held.",
          [] { return static_cast<double>(peak_resident_bytes()); });
}

}  // namespace

void add_info_routes(Router& router, Services& s) {
  const auto add = [&](TaskPool& pool, const char* pattern, Response (*handler)(const Services&, const Request&)) {
    router.add("GET", pattern, pool.handler([&s, handler](Request& request) { return handler(s, request); }));
  };
  add(s.models_pool, "/object_info", object_info);
  add(s.models_pool, "/object_info/{class}", object_info);
  add(s.pool, "/system_stats", [](const Services& services, const Request&) { return system_stats(services); });
  add(s.models_pool, "/embeddings", [](const Services& services, const Request&) { return embeddings(services); });
  add(s.pool, "/models", [](const Services& services, const Request&) {
    return Response::json(dump_json(Json(services.models.kinds())));
  });
  add(s.models_pool, "/models/{folder}", models_in);
  router.get("/extensions", [](const Request&) { return Response::json("[]"); });
  router.get("/features", [&s](const Request&) {
    return Response::json("{\"supports_preview_metadata\":true,\"max_upload_size\":" + std::to_string(s.max_upload) +
                          "}");
  });
  // Upgrades never get here.
  router.get("/ws", [](const Request&) {
    Response out = Response::error(426, "upgrade_required", "this address speaks WebSocket only");
    out.headers.emplace_back("Upgrade", "websocket");
    return out;
  });
  // Alive: the process answers. Ready: it takes jobs.
  router.get("/healthz", [](const Request&) { return Response::text("ok\n"); });
  router.get("/readyz",
             [&s](const Request&) { return s.ready ? Response::text("ready\n") : Response::text("not ready\n", 503); });
  describe_metrics(s);
  router.add("GET", "/metrics", s.pool.handler([&s](Request&) {
    Response out = Response::text(s.metrics.text());
    out.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return out;
  }));
}

}  // namespace easel::server
