#include "server/jobs/postgres/runners.h"

#include <algorithm>

#include "server/jobs/postgres/notices.h"
#include "server/jobs/postgres/sql.h"

namespace easel::server::postgres {
namespace {

constexpr int64_t kForgottenMs = std::chrono::milliseconds(RunnerTable::kForgottenAfter).count();
// Numbers are given before the rows can be seen, so that a smaller one may come after a larger one.
constexpr int64_t kLateNumbers = 100;

}  // namespace

std::vector<int64_t> Runners::sets_within(const std::vector<ModelFile>& models) const {
  std::vector<int64_t> out{0};
  for (const auto& [number, set] : sets_) {
    if (number != 0 && has_all(models, set)) out.push_back(number);
  }
  return out;
}

void Runners::find_fits(const RunnerInfo& runner) {
  Own& own = own_[runner.name];
  own.info = runner;
  own.fits = {true, integer_array(sets_within(runner.models)), integer_array(sets_within(runner.resident))};
}

Runners::Fits Runners::fits(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto it = own_.find(name);
  return it == own_.end() ? Fits{} : it->second.fits;
}

void Runners::read_sets(Connection& connection) {
  int64_t after = -1;
  std::vector<int64_t> known;
  {
    MutexLock lock(mutex_);
    if (own_.empty()) return;
    if (!sets_.empty()) after = std::max<int64_t>(sets_.rbegin()->first - kLateNumbers, -1);
    for (auto it = sets_.upper_bound(after); it != sets_.end(); ++it) known.push_back(it->first);
  }
  const Rows rows = connection.run("SELECT id, models FROM model_sets WHERE id > $1 AND id <> ALL($2::int[])",
                                   values(after, integer_array(known)));
  if (rows.empty()) return;
  MutexLock lock(mutex_);
  bool any = false;
  for (int i = 0; i < rows.size(); ++i)
    any |= sets_.try_emplace(rows.integer(i, 0), models_from(rows.text(i, 1))).second;
  if (any)
    for (auto& [name, own] : own_) find_fits(RunnerInfo(own.info));
}

void Runners::add_set(Connection& connection, int64_t number, const std::vector<ModelFile>& set) {
  const Rows rows =
      connection.run("SELECT name, resident FROM runners WHERE seen >= " + kNow + " - $1", values(kForgottenMs));
  std::vector<std::string> names;
  for (int i = 0; i < rows.size(); ++i)
    if (has_all(models_from(rows.text(i, 1)), set)) names.push_back(rows.text(i, 0));
  if (names.empty()) return;
  connection.run(
      "UPDATE runners SET resident_sets = array_append(resident_sets, $2::int) "
      "WHERE name = ANY($1) AND $2::int <> ALL(resident_sets)",
      values(text_array(names), number));
}

void Runners::enter(const RunnerInfo& runner) {
  {
    MutexLock lock(mutex_);
    find_fits(runner);
  }
  pool_.run([&](Connection& connection, bool) {
    read_sets(connection);
    connection.run("DELETE FROM runners WHERE seen < " + kNow + " - $1", values(kForgottenMs));
    connection.run(
        "INSERT INTO runners AS r (name, instance, version, device, memory, models, state, job, resident, "
        "resident_sets, steps_per_second, entry, started, seen) "
        "VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nextval('runner_entries'), " +
            kNow + ", " + kNow +
            ") ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, version = excluded.version, "
            "device = excluded.device, memory = excluded.memory, models = excluded.models, state = excluded.state, "
            "job = excluded.job, resident = excluded.resident, resident_sets = excluded.resident_sets, "
            "steps_per_second = excluded.steps_per_second, entry = excluded.entry, seen = excluded.seen, "
            "started = CASE WHEN r.instance = excluded.instance THEN r.started ELSE excluded.started END",
        values(runner.name, runner.instance, runner.version, runner.device, static_cast<int64_t>(runner.memory),
               models_text(runner.models), runner.state, runner.job, models_text(runner.resident),
               fits(runner.name).near, runner.steps_per_second));
    notify(connection, {Notice::What::kRunners, {}});
  });
}

bool Runners::beat(const RunnerInfo& runner) {
  {
    MutexLock lock(mutex_);
    const auto it = own_.find(runner.name);
    RunnerInfo now = runner;
    if (it != own_.end()) now.models = std::move(it->second.info.models);
    find_fits(now);
  }
  return pool_.run([&](Connection& connection, bool) {
    read_sets(connection);
    return connection
               .run(
                   "UPDATE runners SET state = $3, job = $4, resident = $5, resident_sets = $6, "
                   "steps_per_second = $7, seen = " +
                       kNow + " WHERE name = $1 AND instance = $2 RETURNING " + kUnflushed,
                   values(runner.name, runner.instance, runner.state, runner.job, models_text(runner.resident),
                          fits(runner.name).near, runner.steps_per_second))
               .size() > 0;
  });
}

void Runners::leave(const std::string& name, const std::string& instance) {
  {
    MutexLock lock(mutex_);
    const auto it = own_.find(name);
    if (it != own_.end() && it->second.info.instance == instance) own_.erase(it);
  }
  pool_.run([&](Connection& connection, bool) {
    connection.run("DELETE FROM runners WHERE name = $1 AND instance = $2", values(name, instance));
    notify(connection, {Notice::What::kRunners, {}});
  });
}

std::vector<RunnerInfo> Runners::all() const {
  return pool_.run([&](Connection& connection, bool) {
    const Rows rows = connection.run(
        "SELECT name, instance, version, device, memory, state, job, resident, steps_per_second, started, seen, "
        "entry, " +
            kNow + " - seen FROM runners WHERE seen >= " + kNow + " - $1 ORDER BY name COLLATE \"C\"",
        values(kForgottenMs));
    std::vector<RunnerInfo> out;
    for (int i = 0; i < rows.size(); ++i) {
      RunnerInfo& runner = out.emplace_back();
      runner.name = rows.text(i, 0);
      runner.instance = rows.text(i, 1);
      runner.version = rows.text(i, 2);
      runner.device = rows.text(i, 3);
      runner.memory = static_cast<uint64_t>(rows.integer(i, 4));
      runner.state = static_cast<RunnerState>(rows.integer(i, 5));
      runner.job = rows.text(i, 6);
      runner.resident = models_from(rows.text(i, 7));
      runner.steps_per_second = rows.real(i, 8);
      runner.started_ms = rows.integer(i, 9);
      runner.seen_ms = rows.integer(i, 10);
      runner.alive = rows.integer(i, 12) <= std::chrono::milliseconds(kAliveFor).count();
      const int64_t entry = rows.integer(i, 11);
      MutexLock lock(mutex_);
      Known known = known_[runner.name];
      lock.unlock();
      if (known.entry != entry) {
        const Rows models = connection.run("SELECT models, entry FROM runners WHERE name = $1", values(runner.name));
        if (!models.empty()) known = {models.integer(0, 1), models_from(models.text(0, 0))};
        lock.lock();
        known_[runner.name] = known;
      }
      runner.models = std::move(known.models);
    }
    return out;
  });
}

}  // namespace easel::server::postgres
