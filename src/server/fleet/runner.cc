#include "server/fleet/runner.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "server/fleet/fleet_models.h"
#include "server/http/http.h"
#include "server/jobs/failure.h"
#include "server/log.h"
#include "workflow/prompt.h"

namespace easel::server {
namespace {

constexpr size_t kLongestName = 64, kMostUsed = 64;
constexpr auto kLookEvery = std::chrono::milliseconds(500);
constexpr auto kModelsEvery = std::chrono::seconds(10), kFrontsEvery = std::chrono::seconds(2);
constexpr int kNiceness = 10;  // of reading whole model files, beside jobs

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

void check_machine_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), is_plain))
    throw Error(Fault::kUsage, "'" + name.substr(0, kLongestName) + "' cannot be the name of a machine of a fleet")
        .fix("Names have 1 to 64 letters, digits, '.', '_' and '-'");
}

std::string machine_name() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  std::string out = std::string(host).substr(0, kLongestName);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !is_plain(c); }, '-');
  return out.empty() ? "machine" : out;
}

RunResult WatchedRunner::run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) {
  std::vector<ModelFile> used;
  try {
    used = named_models(workflow::parse_prompt(request.prompt), table_);
  } catch (const Error&) {
    // The run says what is wrong with it.
  }
  RunResult out = runner_.run(std::move(request), sink, cancel);
  const uint64_t bytes = runner_.stats().model_bytes;
  const MutexLock lock(mutex_);
  // Fewer bytes than before: some were let go, of which nobody knows which; those of this job were used last.
  if (bytes < bytes_) used_.clear();
  bytes_ = bytes;
  for (ModelFile& file : used) {
    std::erase(used_, file);
    used_.push_back(std::move(file));
  }
  if (used_.size() > kMostUsed) used_.erase(used_.begin(), used_.end() - static_cast<std::ptrdiff_t>(kMostUsed));
  return out;
}

void WatchedRunner::free_memory(bool models, bool results) {
  runner_.free_memory(models, results);
  const MutexLock lock(mutex_);
  if (models) used_.clear();
}

std::vector<ModelFile> WatchedRunner::resident(const std::vector<ModelFile>& had) const {
  const MutexLock lock(mutex_);
  std::vector<ModelFile> out;
  for (const ModelFile& file : had)
    if (std::find(used_.begin(), used_.end(), ModelFile{file.kind, file.name, {}}) != used_.end()) out.push_back(file);
  return out;
}

FleetRunner::FleetRunner(RunnerOptions options, JobStore& store, FrontTable& fronts, RelayHub& relay, JobRunner& runner,
                         const workflow::NodeTable& table, const library::Folders& models)
    : options_(std::move(options)),
      instance_(random_id()),
      store_(store),
      fronts_(fronts),
      relay_(relay),
      folders_(models),
      kinds_([&] {
        const auto kinds = model_kinds(table);
        return std::vector<std::string>(kinds.begin(), kinds.end());
      }()),
      runner_(runner, table),
      worker_(store, relay, delivery_, runner_, metrics_,
              {.name = options_.name,
               .lease = options_.lease,
               .max_attempts = options_.max_attempts,
               .keep_history = -1,  // how much of it is remembered is for front ends to say
               .tells_ends = false,
               .before_end = [this] { relay_.flush(std::chrono::seconds(2)); }}) {
  check_machine_name(options_.name);
  if (!options_.identities.empty()) identities_ = std::make_unique<ModelIdentities>(options_.identities);
}

FleetRunner::~FleetRunner() { stop(); }

std::vector<ModelFile> FleetRunner::listed() const {
  std::vector<ModelFile> out;
  for (const std::string& kind : kinds_)
    for (const std::string& name : folders_.list(kind)) out.push_back({kind, name, {}});
  return out;
}

std::vector<ModelFile> FleetRunner::files() const {
  std::vector<ModelFile> out = listed();
  if (identities_)
    for (ModelFile& file : out)
      if (const auto path = folders_.try_find(file.kind, file.name)) file.identity = identities_->known(*path);
  return out;
}

RunnerInfo FleetRunner::info() {
  RunnerInfo out;
  out.name = options_.name;
  out.instance = instance_;
  out.version = options_.version;
  const RunnerStats stats = runner_.stats();
  out.device = stats.device;
  out.memory = stats.memory_budget;
  out.models = files_;
  const auto job = worker_.running();
  out.state = ends_ ? RunnerState::kStopping : job ? RunnerState::kBusy : RunnerState::kIdle;
  if (job) out.job = job->id;
  out.resident = runner_.resident(files_);
  out.steps_per_second = metrics_.value("easel_steps_per_second");
  return out;
}

void FleetRunner::start() {
  worker_.recover();
  files_ = files();
  store_.runners().enter(info());
  relay_.set_fronts(fronts_.all());
  freed_ = fronts_.asked_to_free();
  worker_.start();
  thread_ = std::thread([this] { run(); });
  if (identities_) identifier_ = std::thread([this] { identify(); });
}

bool FleetRunner::ends_within(std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return ends_.load(); });
}

void FleetRunner::stop() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);  // whoever is about to wait sees it, or is woken
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (identifier_.joinable()) identifier_.join();
  worker_.stop();
  delivery_.stop();
  relay_.flush(std::chrono::seconds(1));
  try {
    store_.runners().leave(options_.name, instance_);
  } catch (...) {
    log(Level::kWarning, "the fleet cannot be told that this runner stops", {{"why", current_failure().text}});
  }
}

bool FleetRunner::tell(bool anew) {
  const RunnerInfo now = info();
  if (!anew) return store_.runners().beat(now);
  store_.runners().enter(now);
  return true;
}

void FleetRunner::run() {
  using Clock = std::chrono::steady_clock;
  auto beat_due = Clock::now(), models_due = beat_due + kModelsEvery, fronts_due = beat_due;
  std::string told_job;
  while (!ends_within(kLookEvery)) {
    try {
      const auto now = Clock::now();
      bool anew = false;
      if (now >= models_due) {
        models_due = now + kModelsEvery;
        std::vector<ModelFile> found = files();
        anew = found != files_;
        files_ = std::move(found);
      }
      if (now >= fronts_due) {
        fronts_due = now + kFrontsEvery;
        relay_.set_fronts(fronts_.all());
        const FrontTable::Asked asked = fronts_.asked_to_free();
        if (asked != freed_) worker_.free_memory(asked.models != freed_.models, asked.results != freed_.results);
        freed_ = asked;
      }
      const auto job = worker_.running();
      const std::string runs = job ? job->id : std::string();
      if (!anew && now < beat_due && runs == told_job) continue;
      if (!tell(anew)) {
        log(Level::kError, "another runner has this one's name, so this one stops", {{"name", options_.name}});
        if (options_.give_up) options_.give_up();
        return;
      }
      told_job = runs;
      beat_due = now + RunnerTable::kBeatEvery;
    } catch (...) {
      log(Level::kError, "the job store fails", {{"error", current_failure().text}});
    }
  }
}

void FleetRunner::identify() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);  // of this thread
  do {
    for (const ModelFile& file : listed())
      if (const auto path = folders_.try_find(file.kind, file.name); path && !ends_) identities_->learn(*path, ends_);
  } while (!ends_within(kModelsEvery));
}

}  // namespace easel::server
