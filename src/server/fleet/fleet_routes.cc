#include "server/fleet/fleet_routes.h"

#include "server/fleet/contents/answers.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

Json names_of(const std::vector<ModelFile>& files) {
  Json out = Json::array();
  for (const ModelFile& file : files) out.push_back({{"folder", file.kind}, {"name", file.name}});
  return out;
}

Json runner_json(const RunnerInfo& runner, bool with_models) {
  Json out = {{"name", runner.name},
              {"state", runner.alive ? runner_state_name(runner.state) : "gone"},
              {"alive", runner.alive},
              {"job", runner.job},
              {"device", runner.device},
              {"memory", runner.memory},
              {"version", runner.version},
              {"steps_per_second", runner.steps_per_second},
              {"resident", names_of(runner.resident)},
              {"model_count", runner.models.size()},
              {"started_ms", runner.started_ms},
              {"seen_ms", runner.seen_ms}};
  if (with_models) {
    Json& models = out["models"] = Json::array();
    for (const ModelFile& file : runner.models)
      models.push_back({{"folder", file.kind}, {"name", file.name}, {"identity", file.identity}});
  }
  return out;
}

// This server as the only runner that it has.
RunnerInfo alone(const Services& s) {
  RunnerInfo out;
  out.name = "local";
  out.version = s.about.version;
  out.device = s.runner.stats().device;
  for (const auto& job : s.workers.running_jobs()) out.job = job.id;
  out.state = out.job.empty() ? RunnerState::kIdle : RunnerState::kBusy;
  out.steps_per_second = s.metrics.value("easel_steps_per_second");
  return out;
}

Response get_fleet(const Services& s, Site* site, const Request& request) {
  const bool with_models = request.param("models") == "1";
  Json runners = Json::array(), fronts = Json::array(), waiting = Json::object();
  for (const RunnerInfo& runner : site ? s.store.runners().all() : std::vector{alone(s)})
    runners.push_back(runner_json(runner, with_models));
  if (site)
    for (const FrontEnd& front : site->fronts().all())
      fronts.push_back({{"name", front.name}, {"url", front.url}, {"clients", front.clients.size()}});
  for (const Job& job : s.store.pending())
    if (!job.obstacle.empty()) waiting[job.id] = job.obstacle;
  return Response::json(dump_json(Json{{"shared", site != nullptr},
                                       {"queue_length", s.store.queue_length()},
                                       {"paused", s.store.paused()},
                                       {"runners", std::move(runners)},
                                       {"front_ends", std::move(fronts)},
                                       {"waiting", std::move(waiting)}}));
}

Response post_events(Front& front, const Request& request) {
  const bool forward = request.param("forward") == "1";
  return Response::json(relay_answer_text(front.receive(decode_frames(request.body), forward)));
}

void describe_fleet(Services& s) {
  const auto of_each = [&s](double (*value)(const RunnerInfo&)) {
    return [&s, value] {
      std::map<std::string, double> out;
      for (const RunnerInfo& runner : s.store.runners().all())
        out["runner=\"" + runner.name + "\""] = runner.alive ? value(runner) : 0;
      return out;
    };
  };
  s.metrics.gauges("easel_runner_up", "1 while a runner of the fleet is alive.",
                   of_each([](const RunnerInfo&) { return 1.0; }));
  s.metrics.gauges("easel_runner_busy", "1 while a runner computes.",
                   of_each([](const RunnerInfo& runner) { return runner.state == RunnerState::kBusy ? 1.0 : 0.0; }));
  s.metrics.gauges("easel_runner_steps_per_second", "Speed of a runner's last node with steps.",
                   of_each([](const RunnerInfo& runner) { return runner.steps_per_second; }));
  s.metrics.gauges("easel_runner_models", "Model files that a runner has.",
                   of_each([](const RunnerInfo& runner) { return static_cast<double>(runner.models.size()); }));
}

}  // namespace

void add_fleet_routes(Router& router, Services& s, Front* front, Site* site) {
  router.add("GET", "/fleet", s.pool.handler([&s, site](Request& request) { return get_fleet(s, site, request); }));
  if (!front || !site) return;
  describe_fleet(s);
  router.add("POST", "/fleet/events",
             s.pool.handler([front](Request& request) { return post_events(*front, request); }));
  artifacts::FolderBlobs* const own = site->own_contents();
  if (!own) return;
  constexpr bool kStreamed = true;
  router.add("GET", "/fleet/blobs/{sha256}",
             s.pool.handler([own](Request& request) { return get_content(*own, request); }));
  router.add("PUT", "/fleet/blobs/{sha256}",
             s.pool.handler([own](Request& request) { return put_content(*own, request); }), kStreamed);
}

}  // namespace easel::server
