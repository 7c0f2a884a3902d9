#include "server/jobs/kept_plans.h"

#include <utility>

namespace easel::server {

void KeptPlans::keep(const Job& job, engine::Plan plan) {
  MutexLock lock(mutex_);
  if (const auto earlier = kept_.find(job.id); earlier != kept_.end()) erase(earlier);
  if (kept_.size() >= limits_.plans || job.prompt.size() > limits_.prompt_bytes - prompt_bytes_) return;
  prompt_bytes_ += job.prompt.size();
  kept_.emplace(job.id, Kept{job.prompt, job.targets, std::move(plan)});
}

std::optional<engine::Plan> KeptPlans::take(const Job& job) {
  MutexLock lock(mutex_);
  const auto it = kept_.find(job.id);
  if (it == kept_.end()) return std::nullopt;
  std::optional<engine::Plan> plan;
  if (it->second.prompt == job.prompt && it->second.targets == job.targets) plan = std::move(it->second.plan);
  erase(it);
  return plan;
}

void KeptPlans::drop(const std::vector<std::string>& ids) {
  MutexLock lock(mutex_);
  for (const std::string& id : ids)
    if (const auto it = kept_.find(id); it != kept_.end()) erase(it);
}

std::vector<std::string> KeptPlans::ids() const {
  MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [id, kept] : kept_) out.push_back(id);
  return out;
}

void KeptPlans::erase(std::map<std::string, Kept>::iterator kept) {
  prompt_bytes_ -= kept->second.prompt.size();
  kept_.erase(kept);
}

}  // namespace easel::server
