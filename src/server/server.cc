#include "server/server.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "artifacts/folder_store.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "server/fleet/checker.h"
#include "server/fleet/fleet_routes.h"
#include "server/jobs/open_job_store.h"
#include "server/jobs/status_ticker.h"
#include "server/jobs/worker.h"
#include "server/log.h"
#include "server/routes/services.h"
#include "techniques/catalogue.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;
namespace fs = std::filesystem;

namespace {

constexpr int kPoolThreads = 4;

fs::path prepared(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(Fault::kBadFile, "cannot make the folder: " + error.message()).in_file(folder.string());
  return folder;
}

std::unique_ptr<artifacts::FolderStore> prepared_store(const ServerOptions& options) {
  auto out =
      std::make_unique<artifacts::FolderStore>(artifacts::Directories{options.input, options.output, options.temp});
  out->prepare();
  return out;
}

// Two servers with one queue would run its jobs twice. The lock goes with the process, however that ends.
class UserFolderLock {
 public:
  explicit UserFolderLock(const fs::path& folder)
      : file_(::open((folder / "server.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (file_.get() < 0)
      throw Error(Fault::kBadFile, std::string("cannot open: ") + std::strerror(errno))
          .in_file((folder / "server.lock").string());
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
    throw Error(Fault::kUsage, "another server uses this folder")
        .in_file(folder.string())
        .fix("Stop that one, or give this one a folder of its own with --user-dir");
  }

 private:
  Descriptor file_;
};

// An IPv6 address needs brackets in a URL.
std::string in_url(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions o, const workflow::NodeTable& table, const workflow::ChoiceProvider& choices,
       const library::Folders& models, JobRunner& runner);
  ~Impl() { stop(); }
  void start();
  void stop();
  std::vector<std::string> greet(const Mailbox& box);
  void receive(Mailbox& box, const std::string& text);
  void housekeeping();
  Workforce& make_workers(JobRunner& runner);
  std::string own_url() const;

  // A server that runs its jobs itself.
  struct Own {
    explicit Own(const ServerOptions& options)
        : files(prepared_store(options)),
          lock(prepared(options.user)),
          store(open_job_store((options.user / "jobs.sqlite").string())) {}
    std::unique_ptr<artifacts::FolderStore> files;
    UserFolderLock lock;
    std::unique_ptr<JobStore> store;
  };
  // A front end of a fleet.
  struct OfFleet {
    OfFleet(const ServerOptions& options, const workflow::NodeTable& table, const workflow::ChoiceProvider& own_choices,
            JobRunner& own_runner)
        : choices(own_choices),
          checker(own_runner, choices, table),
          relay({.token = options.http.access.fleet_token, .own_name = options.front_name}) {
      prepared(options.user);
    }
    FleetChoices choices;
    FrontChecker checker;
    RelayHub relay;
  };

  ServerOptions options;
  std::atomic<bool> ready{false};
  bool started = false;
  std::unique_ptr<Own> own;
  std::unique_ptr<OfFleet> fleet;
  JobStore& store;
  artifacts::ArtifactStore& files;
  EventHub hub;
  Delivery delivery;
  Metrics metrics;
  std::unique_ptr<Worker> worker;  // one of the two
  std::unique_ptr<Front> front;
  Workforce& workers;
  techniques::Catalogue catalogue;
  TaskPool pool{kPoolThreads}, models_pool{kPoolThreads}, pictures_pool{1}, lists_pool{1};
  const CancelToken stopping;
  StatusTicker ticker;
  Services services;
  Router router;
  std::unique_ptr<HttpServer> http;
};

Server::Impl::Impl(ServerOptions o, const workflow::NodeTable& table, const workflow::ChoiceProvider& choices,
                   const library::Folders& models, JobRunner& runner)
    : options(std::move(o)),
      own(options.site ? nullptr : std::make_unique<Own>(options)),
      fleet(options.site ? std::make_unique<OfFleet>(options, table, choices, runner) : nullptr),
      store(own ? *own->store : options.site->store()),
      files(own ? *own->files : options.site->artifacts()),
      workers(make_workers(runner)),
      catalogue(models),
      ticker(hub, store, options.status_seconds),
      services{.table = table,
               .choices = fleet ? fleet->choices : choices,
               .models = models,
               .catalogue = catalogue,
               .artifacts = files,
               .user = options.user,
               .store = store,
               .workers = workers,
               .runner = fleet ? fleet->checker : runner,
               .hub = hub,
               .delivery = delivery,
               .pool = pool,
               .models_pool = models_pool,
               .pictures_pool = pictures_pool,
               .lists_pool = lists_pool,
               .stopping = stopping,
               .metrics = metrics,
               .ready = ready,
               .max_upload = options.http.max_upload,
               .input_quota = options.input_quota,
               .token = options.http.access.token,
               .about = {options.version, options.arguments}} {
  if (fleet)
    services.needs = [this, &table](const workflow::Prompt& prompt) { return fleet->choices.needs(prompt, table); };
  if (options.more_routes) options.more_routes(router, models_pool);
  add_fleet_routes(router, services, front.get(), options.site);  // before the page's, which takes any address
  for (const auto add : {add_prompt_routes, add_queue_routes, add_info_routes, add_upload_routes, add_view_routes,
                         add_user_routes, add_tooling_routes, add_library_routes, add_page_routes})
    add(router, services);
  options.http.temp_folder = own ? own->files->root(artifacts::Area::kTemp) : prepared(options.temp);
  options.http.observe = [this](const Request& request, int status) {
    metrics.count("easel_http_requests_total", "status=\"" + std::to_string(status) + "\"");
    log(Level::kDebug, "request", {{"method", request.method}, {"path", request.path}, {"status", int64_t{status}}});
  };
  SocketHooks hooks{[this](const Mailbox& box) { return greet(box); },
                    [this](Mailbox& box, const std::string& text) { receive(box, text); }};
  http = std::make_unique<HttpServer>(options.http, router, hub, std::move(hooks));
}

Workforce& Server::Impl::make_workers(JobRunner& runner) {
  const auto housekeeping_of_this = [this] { housekeeping(); };
  if (own) {
    worker = std::make_unique<Worker>(
        store, hub, delivery, runner, metrics,
        WorkerOptions{.keep_history = options.keep_history, .housekeeping = housekeeping_of_this});
    return *worker;
  }
  front = std::make_unique<Front>(
      FrontOptions{.name = options.front_name,
                   .keep_history = options.keep_history,
                   // Elsewhere, since looking through a bucket takes a while.
                   .housekeeping = [this, housekeeping_of_this] { models_pool.post(housekeeping_of_this); }},
      store, options.site->fronts(), fleet->choices, hub, delivery, fleet->relay, metrics);
  return *front;
}

void Server::Impl::start() {
  http->bind();  // first: where another server has the address, nothing of its is touched
  if (own) {
    own->files->clear_temp(0);
    own->files->remove_leftovers();
  }
  if (options.start_paused) store.set_paused(true);
  if (worker) worker->recover();
  store.trim_history(options.keep_history);
  ticker.start();
  http->start();
  if (worker) worker->start();
  else front->start(own_url());
  started = true;
  ready = true;
}

void Server::Impl::stop() {
  if (!std::exchange(started, false)) return;
  ready = false;
  stopping.cancel();
  // Also answers the requests that wait for a job.
  if (worker) worker->stop();
  else front->stop();
  ticker.stop();
  delivery.stop();
  http->stop();
  pool.stop();
  models_pool.stop();
  pictures_pool.stop();
  lists_pool.stop();
  workers.waiters().notify_all();  // those that came while the server stopped; they hold on to connections
}

// Where the other machines find it, unless they were told otherwise.
std::string Server::Impl::own_url() const {
  if (!options.front_url.empty()) return options.front_url;
  return "http://" + in_url(options.http.address) + ":" + std::to_string(http->port());
}

// What a client is told first: who it is, how long the queue is, and what it missed of its own running job.
std::vector<std::string> Server::Impl::greet(const Mailbox& box) {
  std::vector<std::string> out{status_message(store.queue_length(), box.client_id())};
  for (const Workforce::Running& job : workers.running_jobs())
    if (!job.node.empty() && (job.client_id == box.client_id() || box.watches_all()))
      out.push_back(dump_json(Json{{"type", "executing"},
                                   {"data", {{"node", job.node}, {"display_node", job.node}, {"prompt_id", job.id}}}}));
  return out;
}

void Server::Impl::receive(Mailbox& box, const std::string& text) {
  try {
    const Json message = workflow::parse_json(text);
    if (!message.is_object() || message.value("type", Json()) != "feature_flags") return;
    const Json data = message.value("data", Json::object());
    box.set_wants_preview_metadata(data.is_object() && data.value("supports_preview_metadata", Json()) == true);
    const Json answer = {{"type", "feature_flags"},
                         {"data", {{"supports_preview_metadata", true}, {"max_upload_size", options.http.max_upload}}}};
    box.post({std::make_shared<const std::string>(dump_json(answer))});
  } catch (const Error&) {
    // Not JSON: as ComfyUI, no answer.
  }
}

void Server::Impl::housekeeping() { files.clear_temp(options.keep_temp_hours * 3600); }

Server::Server(ServerOptions options, const workflow::NodeTable& table, const workflow::ChoiceProvider& choices,
               const library::Folders& models, JobRunner& runner)
    : impl_(std::make_unique<Impl>(std::move(options), table, choices, models, runner)) {}
Server::~Server() = default;
void Server::start() { impl_->start(); }
void Server::stop() { impl_->stop(); }
uint16_t Server::port() const { return impl_->http->port(); }
std::string Server::url() const {
  return "http://" + in_url(impl_->options.http.address) + ":" + std::to_string(port());
}

}  // namespace easel::server
