#include "base/error.h"
#include "server/jobs/job_events.h"
#include "server/log.h"
#include "server/routes/services.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

std::string number_text(double number) {
  return dump_json(Json(number == static_cast<double>(static_cast<int64_t>(number)) ? Json(static_cast<int64_t>(number))
                                                                                    : Json(number)));
}

// A job that was set aside at a start left no messages of its own.
std::string history_messages(const Job& job) {
  if (job.messages != "[]" || job.failure.empty()) return job.messages;
  const Json data = {{"prompt_id", job.id},
                     {"node_id", ""},
                     {"node_type", ""},
                     {"executed", Json::array()},
                     {"exception_message", job.failure},
                     {"exception_type", "internal"},
                     {"traceback", Json::array()},
                     {"timestamp", job.finished_ms}};
  return dump_json(Json::array({Json::array({"execution_error", data})}));
}

std::string history_entry(const Job& job) {
  const bool success = job.state == JobState::kSuccess;
  return dump_json(job.id) + ":{\"prompt\":" + queue_item(job) + ",\"outputs\":" + job.outputs +
         ",\"status\":{\"status_str\":\"" + (success ? "success" : "error") +
         "\",\"completed\":" + (success ? "true" : "false") + ",\"messages\":" + history_messages(job) +
         "},\"meta\":" + job.meta + "}";
}

// Lets go of each job once it is written: together they may hold much text.
void append_items(std::string& out, std::vector<Job> jobs) {
  out += '[';
  for (Job& job : jobs) {
    if (out.back() != '[') out += ',';
    out += queue_item(job);
    job = {};
  }
  out += ']';
}

std::vector<std::string> ids_of(const Json& body, const char* key) {
  std::vector<std::string> ids;
  const auto it = body.find(key);
  if (it == body.end()) return ids;
  if (!it->is_array()) throw Error(Fault::kInvalid, std::string("'") + key + "' must be a list of prompt ids");
  for (const Json& id : *it) {
    if (!id.is_string()) throw Error(Fault::kInvalid, std::string("'") + key + "' must be a list of prompt ids");
    ids.push_back(id.get<std::string>());
  }
  return ids;
}

bool flag(const Json& body, const char* key) {
  const auto it = body.find(key);
  return it != body.end() && it->is_boolean() && it->get<bool>();
}

Response get_queue(Services& s) {
  // Pending ones first: a job that starts in between is then seen twice rather than not at all.
  auto pending = s.store.pending();
  // Jobs that nobody can run, and why.
  Json obstacles = Json::object();
  for (const Job& job : pending)
    if (!job.obstacle.empty()) obstacles[job.id] = job.obstacle;
  std::string out = "{\"queue_running\":";
  append_items(out, s.store.running());
  out += ",\"queue_pending\":";
  append_items(out, std::move(pending));
  out += std::string(",\"paused\":") + (s.store.paused() ? "true" : "false");
  if (!obstacles.empty()) out += ",\"obstacles\":" + dump_json(obstacles);
  return Response::json(std::move(out += '}'));
}

Response post_queue(Services& s, const Request& request) {
  const Json body = body_json(request);
  std::vector<std::string> gone = ids_of(body, "delete");
  if (flag(body, "clear"))
    for (const Job& job : s.store.pending()) gone.push_back(job.id);
  if (const auto move = body.find("move"); move != body.end()) {
    if (!move->is_object() || !move->contains("id") || !(*move)["id"].is_string())
      throw Error(Fault::kInvalid, "'move' must be {\"id\": prompt id, \"before\": prompt id or nothing}");
    const Json before = move->contains("before") ? (*move)["before"] : Json();
    if (!before.is_null() && !before.is_string()) throw Error(Fault::kInvalid, "'before' must be a prompt id");
    if (!s.store.move((*move)["id"].get<std::string>(), before.is_null() ? "" : before.get<std::string>()))
      return Response::error(404, "not_pending", "both jobs must be waiting in the queue");
  }
  if (!gone.empty()) {
    s.store.cancel(gone);
    s.workers.plans().drop(gone);
    for (const std::string& id : gone) s.workers.waiters().notify(id);
  }
  if (const auto pause = body.find("pause"); pause != body.end()) {
    if (!pause->is_boolean()) throw Error(Fault::kInvalid, "'pause' must be true or false");
    s.store.set_paused(pause->get<bool>());
    log(Level::kInfo, pause->get<bool>() ? "queue paused" : "queue goes on");
  }
  send_status(s.store, s.hub);
  return Response::json("{}");
}

Response post_history(Services& s, const Request& request) {
  const Json body = body_json(request);
  if (flag(body, "clear")) s.store.forget_all();
  if (const auto ids = ids_of(body, "delete"); !ids.empty()) s.store.forget(ids);
  return Response::json("{}");
}

Response post_interrupt(Services& s, const Request& request) {
  std::string id;
  try {
    const Json body = body_json(request);
    if (body.contains("prompt_id") && body["prompt_id"].is_string()) id = body["prompt_id"].get<std::string>();
  } catch (const Error&) {
    // As in ComfyUI: without a readable body it is whatever runs.
  }
  if (s.workers.interrupt(id)) log(Level::kInfo, "interrupted by a client", {{"prompt_id", id}});
  return Response::json("{}");
}

Response post_free(Services& s, const Request& request) {
  const Json body = body_json(request);
  const bool results = flag(body, "free_memory");
  s.workers.free_memory(flag(body, "unload_models") || results, results);
  return Response::json("{}");
}

Response get_history(Services& s, const Request& request) {
  HistoryQuery query;
  query.max_items = number_param(request, "max_items").value_or(-1);
  query.offset = number_param(request, "offset").value_or(-1);
  return Response::json(history_json(s.store.history(query)));
}

Response get_history_of(Services& s, const Request& request) {
  const auto job = s.store.get(request.captures.at(0));
  if (!job || !is_final(job->state) || job->state == JobState::kCancelled) return Response::json("{}");
  return Response::json(history_json({*job}));
}

}  // namespace

Json body_json(const Request& request) {
  if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return Json::object();
  Json body = workflow::parse_json(request.body);
  if (!body.is_object()) throw Error(Fault::kInvalid, "the body must be a JSON object");
  return body;
}

std::optional<int64_t> number_param(const Request& request, const std::string& name, int64_t least) {
  const std::string text = request.param(name);
  if (text.empty()) return std::nullopt;
  constexpr size_t kMostDigits = 12;
  const bool negative = text.front() == '-';
  const std::string digits = text.substr(negative ? 1 : 0);
  const bool whole =
      !digits.empty() && digits.size() <= kMostDigits && digits.find_first_not_of("0123456789") == std::string::npos;
  const int64_t value = whole ? (negative ? -1 : 1) * std::stoll(digits) : 0;
  if (!whole || value < least) {
    const bool any = least == std::numeric_limits<int64_t>::min();
    throw Error(Fault::kInvalid, "'" + name + "' must be a whole number" +
                                     (any ? std::string() : " from " + std::to_string(least) + " on"));
  }
  return value;
}

std::string queue_item(const Job& job) {
  return "[" + number_text(job.number) + "," + dump_json(job.id) + "," + job.prompt + "," + job.extra_data + "," +
         job.targets + "]";
}

std::string history_json(std::vector<Job> jobs) {
  std::string out = "{";
  for (Job& job : jobs) {
    if (out.size() > 1) out += ',';
    out += history_entry(job);
    job = {};
  }
  out += '}';
  return out;
}

void add_queue_routes(Router& router, Services& s) {
  using Work = Response (*)(Services&, const Request&);
  const auto add_on = [&](TaskPool& pool, const char* method, const char* pattern, Work handler) {
    router.add(method, pattern, pool.handler([&s, handler](Request& request) { return handler(s, request); }));
  };
  const auto add = [&](const char* method, const char* pattern, Work handler) {
    add_on(s.pool, method, pattern, handler);
  };
  add_on(s.lists_pool, "GET", "/queue", [](Services& services, const Request&) { return get_queue(services); });
  add("POST", "/queue", post_queue);
  add_on(s.lists_pool, "GET", "/history", get_history);
  add("GET", "/history/{id}", get_history_of);
  add("POST", "/history", post_history);
  add("POST", "/interrupt", post_interrupt);
  add("POST", "/free", post_free);
}

}  // namespace easel::server
