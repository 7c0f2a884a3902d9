// How far a fleet scales, and what its store can do: runners that claim, sleep for as long as a job takes, and end it,
// at a real PostgreSQL. Not a test: it prints the figures of docs/fleet.md.
//
//   fleet_simulation [STORE_URL|-] [SECONDS_OF_A_JOB] [RUNNERS...]
//
// "-" starts a database of its own from Debian's package, as the tests do. EASEL_SIMULATION_SECONDS in the environment
// is for how long each line is measured, instead of five jobs' time or at least 3 s, and 5 s for jobs of no length.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "server/jobs/open_job_store.h"
#include "server/log.h"
#include "server/postgres_server.h"
#include "server/waiting.h"

namespace easel::server {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::seconds_since;

constexpr auto kLease = std::chrono::seconds(15);
constexpr auto kRenewEvery = std::chrono::seconds(2);  // as Worker does with a shared store
const ModelFile kModel{"checkpoints", "model.safetensors", "sha256:simulated"};

Job make(int64_t number) {
  Job job;
  job.id = "job-" + std::to_string(number);
  job.prompt = "{\"1\":{\"class_type\":\"Simulated\",\"inputs\":{\"text\":\"" + std::string(1500, 'x') + "\"}}}";
  job.extra_data = "{}";
  job.targets = R"(["1"])";
  job.needs = {kModel};
  return job;
}

// Jobs of a queue that never gets empty. Numbers go on from one round to the next.
class Feeder {
 public:
  Feeder(const std::string& url, int threads, int64_t ahead) : ahead_(ahead) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this, url] {
        const auto store = open_job_store(url, {.connections = 1});
        while (!stopping_) {
          if (added_ - taken >= ahead_) {
            std::this_thread::sleep_for(milliseconds(1));
            continue;
          }
          ++added_;
          store->add(make(next_++), false, false);
        }
      });
  }
  ~Feeder() {
    stopping_ = true;
    for (auto& t : threads_) t.join();
  }
  bool full() const { return added_ - taken >= ahead_; }

  std::atomic<int64_t> taken{0};

 private:
  static inline std::atomic<int64_t> next_{0};
  const int64_t ahead_;
  std::atomic<int64_t> added_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

struct Round {
  double jobs_a_second = 0, median_claim_ms = 0, worst_claim_ms = 0;
  bool twice = false;  // a job was given to two
};

// One runner: what a Worker does with the store, without the work.
void run_one(JobStore& store, RunnerInfo self, milliseconds job_time, const std::atomic<bool>& stopping,
             std::atomic<int64_t>& taken, std::atomic<int64_t>& ended, std::vector<double>& claims,
             std::vector<ClaimToken>& tokens) {
  store.runners().enter(self);
  auto beaten = steady_clock::now();
  while (!stopping) {
    if (steady_clock::now() - beaten >= RunnerTable::kBeatEvery) {
      store.runners().beat(self);
      beaten = steady_clock::now();
    }
    const auto asked = steady_clock::now();
    const auto claim = store.claim(self.name, kLease);
    claims.push_back(1e3 * seconds_since(asked));
    if (!claim) {
      std::this_thread::sleep_for(milliseconds(5));
      continue;
    }
    tokens.push_back(claim->token);
    ++taken;
    const auto until = steady_clock::now() + job_time;
    while (steady_clock::now() < until) {
      std::this_thread::sleep_for(std::min<steady_clock::duration>(kRenewEvery, until - steady_clock::now()));
      if (steady_clock::now() < until) store.renew(claim->token, kLease);
    }
    if (store.finish(claim->token, {})) ++ended;
  }
  store.runners().leave(self.name, self.instance);
}

Round simulate(const std::string& url, int runners, milliseconds job_time, milliseconds window) {
  Feeder feeder(url, 4, std::max(200, 2 * runners));
  while (!feeder.full()) std::this_thread::sleep_for(milliseconds(10));
  std::atomic<bool> stopping{false};
  std::atomic<int64_t> ended{0};
  std::vector<std::vector<double>> claims(static_cast<size_t>(runners));
  std::vector<std::vector<ClaimToken>> tokens(static_cast<size_t>(runners));
  std::vector<std::thread> threads;
  for (int i = 0; i < runners; ++i)
    threads.emplace_back([&, i] {
      // Not all at once, as in earnest.
      std::this_thread::sleep_for(job_time * i / runners);
      RunnerInfo self;
      self.name = self.instance = "simulated-" + std::to_string(i);
      self.models = self.resident = {kModel};
      const auto store = open_job_store(url, {.connections = 1});
      run_one(*store, self, job_time, stopping, feeder.taken, ended, claims[static_cast<size_t>(i)],
              tokens[static_cast<size_t>(i)]);
    });
  std::this_thread::sleep_for(job_time * 2 + milliseconds(500));  // until all have begun
  const int64_t before = ended;
  const auto start = steady_clock::now();
  std::this_thread::sleep_for(window);
  Round out;
  out.jobs_a_second = static_cast<double>(ended - before) / seconds_since(start);
  stopping = true;
  for (auto& t : threads) t.join();
  std::vector<double> all;
  for (const auto& of_one : claims) all.insert(all.end(), of_one.begin(), of_one.end());
  std::sort(all.begin(), all.end());
  if (!all.empty()) {
    out.median_claim_ms = all[all.size() / 2];
    out.worst_claim_ms = all.back();
  }
  std::set<ClaimToken> seen;
  for (const auto& of_one : tokens)
    for (const ClaimToken token : of_one) out.twice |= !seen.insert(token).second;
  return out;
}

// From the moment at which a front end accepts a job until an idle runner has it, in milliseconds.
std::vector<double> idle_latency(const std::string& url, int runners, int jobs) {
  const auto front = open_job_store(url);
  for (const Job& left : front->pending()) front->cancel({left.id});
  Mutex mutex;
  Condition changed;
  std::optional<steady_clock::time_point> started;
  std::atomic<bool> stopping{false};
  std::atomic<int> listening{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < runners; ++i)
    threads.emplace_back([&, i] {
      const auto store = open_job_store(url, {.connections = 1});
      RunnerInfo self;
      self.name = self.instance = "idle-" + std::to_string(i);
      self.models = self.resident = {kModel};
      store->runners().enter(self);
      Mutex own;
      Condition woken;
      bool awake = false;
      const auto subscription = store->notices().listen(
          [&](const Notice& notice) {
            if (notice.what == Notice::What::kMissed) ++listening;
            MutexLock lock(own);
            awake = true;
            woken.notify_all();
          },
          {Notice::What::kQueue});
      while (!stopping) {
        {
          MutexLock lock(own);
          woken.wait_for(lock, milliseconds(200), [&] { return awake; });
          awake = false;
        }
        while (const auto claim = store->claim(self.name, kLease)) {
          {
            MutexLock lock(mutex);
            started = steady_clock::now();
          }
          changed.notify_all();
          store->finish(claim->token, {});
        }
      }
    });
  while (listening < runners) std::this_thread::sleep_for(milliseconds(10));
  std::vector<double> out;
  for (int i = 0; i < jobs; ++i) {
    std::this_thread::sleep_for(milliseconds(30));
    Job job = make(i);
    job.id = "idle-" + std::to_string(runners) + "-" + std::to_string(i);
    const auto posted = steady_clock::now();
    front->add(job, false, false);
    MutexLock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(10), [&] { return started.has_value(); });
    out.push_back(1e3 * duration<double>(*started - posted).count());
    started.reset();
  }
  stopping = true;
  for (auto& t : threads) t.join();
  std::sort(out.begin(), out.end());
  return out;
}

// What the environment wants, or else `usual`.
milliseconds window_or(milliseconds usual) {
  const char* wanted = std::getenv("EASEL_SIMULATION_SECONDS");
  return wanted && std::atof(wanted) > 0 ? milliseconds(std::llround(1e3 * std::atof(wanted))) : usual;
}

int simulation(int count, char** arguments) {
  configure_log(Level::kError, false);
  std::string url = count > 1 ? arguments[1] : "-";
  std::optional<testing::PostgresServer> server;
  if (url == "-") {
    if (testing::PostgresServer::programs().empty()) {
      std::fprintf(stderr, "there is no PostgreSQL (Debian's package postgresql), or no libpq in this build\n");
      return 77;
    }
    server.emplace("max_connections = 300\nshared_buffers = 256MB");
    url = server->new_database();
  }
  const milliseconds job_time(static_cast<int64_t>(1000 * (count > 2 ? std::atof(arguments[2]) : 2.0)));
  std::vector<int> sizes;
  for (int i = 3; i < count; ++i) sizes.push_back(std::atoi(arguments[i]));
  if (sizes.empty()) sizes = {1, 2, 5, 10, 20, 50, 100, 200};
  const milliseconds window = window_or(std::max(milliseconds(3000), job_time * 5));
  bool twice = false;
  std::printf("jobs of %.2f s, %.1f s each line\nrunners  jobs/s  of linear  claim: median ms  worst ms\n",
              static_cast<double>(job_time.count()) / 1e3, static_cast<double>(window.count()) / 1e3);
  for (const int runners : sizes) {
    const Round round = simulate(url, runners, job_time, window);
    const double linear = job_time.count() ? runners * 1e3 / static_cast<double>(job_time.count()) : 0;
    std::printf("%7d %7.1f %9.0f%% %17.1f %9.1f\n", runners, round.jobs_a_second,
                linear > 0 ? 100 * round.jobs_a_second / linear : 0.0, round.median_claim_ms, round.worst_claim_ms);
    std::fflush(stdout);
    twice |= round.twice;
  }
  std::printf("the store's limit: jobs of no length\n");
  for (const int runners : {1, 4, 16, 32}) {
    const Round round = simulate(url, runners, milliseconds(0), window_or(milliseconds(5000)));
    std::printf("%7d %7.1f %10s %17.1f %9.1f\n", runners, round.jobs_a_second, "", round.median_claim_ms,
                round.worst_claim_ms);
    std::fflush(stdout);
    twice |= round.twice;
  }
  std::printf("idle runners: from the acceptance of a job to its start\n");
  for (const int runners : {1, 6, 30}) {
    const auto times = idle_latency(url, runners, 50);
    std::printf("%7d runners: median %.1f ms, worst %.1f ms\n", runners, times[times.size() / 2], times.back());
  }
  if (twice) std::printf("A JOB WAS GIVEN TO TWO RUNNERS\n");
  return twice ? 1 : 0;
}

}  // namespace
}  // namespace easel::server

int main(int count, char** arguments) {
  try {
    return easel::server::simulation(count, arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
