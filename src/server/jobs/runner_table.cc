#include "server/jobs/runner_table.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "server/jobs/clock.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::Json;

namespace {

std::string listed(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

bool satisfies(const ModelFile& had, const ModelFile& needed) {
  if (!needed.identity.empty()) return had.identity == needed.identity;
  return had.kind == needed.kind && had.name == needed.name;
}

bool has_all(const std::vector<ModelFile>& had, const std::vector<ModelFile>& needed) {
  return std::all_of(needed.begin(), needed.end(), [&](const ModelFile& need) {
    return std::any_of(had.begin(), had.end(), [&](const ModelFile& file) { return satisfies(file, need); });
  });
}

std::string obstacle(const std::vector<ModelFile>& needs, const std::vector<RunnerInfo>& runners) {
  if (needs.empty()) return {};
  std::vector<const RunnerInfo*> living;
  for (const RunnerInfo& runner : runners)
    if (runner.alive) living.push_back(&runner);
  if (living.empty()) return "no runner is there";
  std::set<std::string> nowhere, all;
  for (const ModelFile& need : needs) {
    all.insert(need.name);
    const auto has_it = [&](const RunnerInfo* runner) { return has_all(runner->models, {need}); };
    if (std::none_of(living.begin(), living.end(), has_it)) nowhere.insert(need.name);
  }
  if (!nowhere.empty()) return "no runner has " + listed(nowhere);
  for (const RunnerInfo* runner : living)
    if (has_all(runner->models, needs)) return {};
  return "no runner has all of " + listed(all);
}

std::string models_text(const std::vector<ModelFile>& models) {
  Json out = Json::array();
  for (const ModelFile& model : models) out.push_back(Json::array({model.kind, model.name, model.identity}));
  return workflow::dump_json(out);
}

std::vector<ModelFile> models_from(const std::string& text) {
  std::vector<ModelFile> out;
  Json json;
  try {
    json = workflow::parse_json(text);
  } catch (const Error&) {
    return out;
  }
  if (!json.is_array()) return out;
  for (const Json& item : json)
    if (item.is_array() && item.size() == 3 && item[0].is_string() && item[1].is_string() && item[2].is_string())
      out.push_back({item[0].get<std::string>(), item[1].get<std::string>(), item[2].get<std::string>()});
  return out;
}

const char* runner_state_name(RunnerState state) {
  switch (state) {
    case RunnerState::kIdle: return "idle";
    case RunnerState::kBusy: return "busy";
    case RunnerState::kStopping: return "stopping";
  }
  return "?";
}

void LocalRunners::enter(const RunnerInfo& runner) {
  MutexLock lock(mutex_);
  RunnerInfo& kept = runners_[runner.name];
  const int64_t started = kept.instance == runner.instance && kept.started_ms ? kept.started_ms : now_ms();
  kept = runner;
  kept.started_ms = started;
  kept.seen_ms = now_ms();
}

bool LocalRunners::beat(const RunnerInfo& runner) {
  MutexLock lock(mutex_);
  const auto it = runners_.find(runner.name);
  if (it == runners_.end() || it->second.instance != runner.instance) return false;
  RunnerInfo& kept = it->second;
  kept.state = runner.state;
  kept.job = runner.job;
  kept.resident = runner.resident;
  kept.steps_per_second = runner.steps_per_second;
  kept.seen_ms = now_ms();
  return true;
}

void LocalRunners::leave(const std::string& name, const std::string& instance) {
  MutexLock lock(mutex_);
  const auto it = runners_.find(name);
  if (it != runners_.end() && it->second.instance == instance) runners_.erase(it);
}

std::vector<RunnerInfo> LocalRunners::all() const {
  MutexLock lock(mutex_);
  std::vector<RunnerInfo> out;
  const int64_t now = now_ms();
  for (const auto& [name, runner] : runners_) {
    if (now - runner.seen_ms > std::chrono::milliseconds(kForgottenAfter).count()) continue;
    out.push_back(runner);
    out.back().alive = now - runner.seen_ms <= std::chrono::milliseconds(kAliveFor).count();
  }
  return out;
}

}  // namespace easel::server
