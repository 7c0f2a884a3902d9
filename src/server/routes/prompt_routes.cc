#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "formats/pictures/picture_format.h"
#include "server/jobs/job_events.h"
#include "server/log.h"
#include "server/routes/services.h"
#include "workflow/convert/graph.h"
#include "workflow/load.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

// Credentials that ComfyUI's page may send along; nothing here uses them, so they are not kept.
constexpr const char* kSecrets[] = {"auth_token_comfy_org", "api_key_comfy_org"};

// What a POST to /prompt asks for.
struct Order {
  Job job;
  Json prompt;  // as it was sent, or as it was converted to
  workflow::Prompt parsed;
  std::vector<std::string> targets;  // restrict the outputs; empty: all
  bool front = false, keep_number = false;
};

Response no_prompt() { return Response::error(400, "no_prompt", "No prompt provided", "No prompt provided"); }

// The ids of partial_execution_targets, which may be numbers.
std::vector<std::string> target_ids(const Json& body) {
  std::vector<std::string> out;
  const auto it = body.find("partial_execution_targets");
  if (it == body.end() || it->is_null()) return out;
  if (!it->is_array()) throw Error(Fault::kInvalid, "'partial_execution_targets' must be a list of node ids");
  for (const Json& id : *it) {
    if (!id.is_string() && !id.is_number_integer())
      throw Error(Fault::kInvalid, "'partial_execution_targets' must be a list of node ids");
    out.push_back(id.is_string() ? id.get<std::string>() : dump_json(id));
  }
  return out;
}

std::string text_field(const Json& body, const char* key, size_t longest) {
  const auto it = body.find(key);
  if (it == body.end() || it->is_null()) return {};
  std::string text = it->is_string() ? it->get<std::string>() : workflow::python_str(*it);
  if (text.size() > longest) throw Error(Fault::kInvalid, std::string("'") + key + "' is too long");
  return text;
}

void read_place(const Json& body, Order& order) {
  const auto number = body.find("number");
  if (number != body.end() && !number->is_null()) {
    if (!number->is_number() || !std::isfinite(number->get<double>()) || std::abs(number->get<double>()) > 1e15)
      throw Error(Fault::kInvalid, "'number' must be a number");
    order.job.number = number->get<double>();
    order.keep_number = true;
  } else if (const auto front = body.find("front"); front != body.end()) {
    order.front = front->is_boolean() ? front->get<bool>() : front->is_number() && front->get<double>() != 0;
  }
}

void read_extra(const Json& body, const workflow::Workflow& flow, Order& order) {
  Json extra = Json::object();
  if (const auto it = body.find("extra_data"); it != body.end() && !it->is_null()) {
    if (!it->is_object()) throw Error(Fault::kInvalid, "'extra_data' must be an object");
    extra = *it;
  }
  for (const char* key : kSecrets) extra.erase(key);
  // A graph that was sent by itself is kept where clients look for it.
  if (!flow.graph.is_null()) {
    Json& info = extra["extra_pnginfo"];
    if (!info.is_object()) info = Json::object();
    if (!info.contains("workflow")) info["workflow"] = flow.graph;
  }
  order.job.client_id = text_field(body, "client_id", 128);
  if (order.job.client_id.empty() && extra.contains("client_id") && extra["client_id"].is_string())
    order.job.client_id = extra["client_id"].get<std::string>().substr(0, 128);
  if (!order.job.client_id.empty()) extra["client_id"] = order.job.client_id;
  order.job.extra_data = dump_json(extra);
}

// {"3": {"class_type": ...}, ...}: what the editor saves as its API form.
bool is_bare_prompt(const Json& body) {
  return !body.empty() &&
         std::all_of(body.begin(), body.end(), [](const Json& v) { return v.is_object() && v.contains("class_type"); });
}

// `body` holds what was asked for beside the prompt.
Order finish_order(const Json& body, workflow::Workflow flow, Order order, const Request& request) {
  if (order.prompt.is_null()) order.prompt = workflow::to_json(flow.prompt, true);
  if (!order.prompt.is_object()) throw Error(Fault::kInvalid, "'prompt' must be an object");
  read_extra(body, flow, order);
  order.parsed = std::move(flow.prompt);
  order.targets = target_ids(body);
  order.job.id = text_field(body, "prompt_id", 128);
  if (order.job.id.empty()) order.job.id = random_id();
  read_place(body, order);
  const std::string front = request.param("front");
  order.front |= !front.empty() && front != "0" && front != "false";
  return order;
}

// The body in any of the forms it may have: what ComfyUI's clients send, a bare prompt or editor graph, or a
// picture that carries a workflow. Nothing when there is no prompt in it.
std::optional<Order> read_order(const Request& request, const Services& s) {
  const std::string& bytes = request.body;
  if (formats::picture_format(bytes)) {
    auto flow = workflow::read_workflow(std::string_view(bytes), s.table);
    workflow::take_accepted_form(flow, s.table, [&](const auto& p) { return s.runner.check(p, {}).runnable(); });
    return finish_order(Json::object(), std::move(flow), {}, request);
  }
  Json body = body_json(request);
  if (workflow::looks_like_graph(body) || is_bare_prompt(body)) body = Json{{"prompt", std::move(body)}};
  const auto prompt = body.find("prompt");
  if (prompt == body.end()) return std::nullopt;
  Order order;
  auto flow = workflow::read_workflow(Json{{"prompt", *prompt}}, s.table);
  const bool as_sent = !prompt->is_object() || prompt->size() == flow.prompt.nodes.size();  // else it was wrapped
  if (!flow.from_graph && as_sent) order.prompt = *prompt;
  return finish_order(body, std::move(flow), std::move(order), request);
}

// As ComfyUI does, what is queued has the values converted to their inputs' types; all else stays as sent.
void take_over_values(Json& prompt, const workflow::Prompt& validated) {
  for (const auto& node : validated.nodes)
    if (const auto it = prompt.find(node.id); it != prompt.end() && it->is_object()) (*it)["inputs"] = node.inputs;
}

// The first picture of a finished job: saved ones before previews.
std::optional<std::filesystem::path> first_picture(const Services& s, const Job& job) {
  std::optional<std::filesystem::path> preview;
  const Json outputs = workflow::parse_json(job.outputs);
  for (const auto& item : outputs.items()) {
    if (!item.value().contains("images")) continue;
    for (const Json& image : item.value()["images"]) {
      const auto area = artifacts::area_named(image.value("type", std::string("output")));
      if (!area || !image.contains("filename")) continue;
      const auto path =
          s.artifacts.get({*area, image.value("subfolder", std::string()), image.value("filename", std::string())});
      if (*area == artifacts::Area::kOutput) return path;
      if (!preview) preview = path;
    }
  }
  return preview;
}

// What a request that waited for its job is answered with.
Response ended(const Services& s, const std::string& id, bool as_picture) {
  const auto job = s.store.get(id);
  if (!job) return Response::error(410, "gone", "the job was deleted");
  if (job->state == JobState::kCancelled)
    return Response::error(409, "cancelled", "the job was taken out of the queue");
  if (!is_final(job->state))
    return Response::error(503, "stopping", "the server stops; the job stays in the queue", id);
  const int status = job->state == JobState::kSuccess ? 200 : job->state == JobState::kInterrupted ? 409 : 500;
  Response out = Response::json(history_json({*job}), status);
  if (status == 200 && as_picture) {
    const auto path = first_picture(s, *job);
    if (!path) return Response::error(404, "no_picture", "the workflow saved no picture", id);
    out.body.clear();
    out.file = *path;
    out.content_type = "image/png";
  }
  out.headers.emplace_back("X-Prompt-Id", id);
  return out;
}

void answer_end(const Services& s, const std::string& id, bool as_picture, const Reply& reply) {
  try {
    reply(ended(s, id, as_picture));
  } catch (...) {
    reply(error_response(std::current_exception()));
  }
}

void post_prompt(Services& s, Request& request, const Reply& reply) {
  auto order = read_order(request, s);
  if (!order) return reply(no_prompt());
  request.body.clear();
  engine::Plan plan = s.runner.check(order->parsed, order->targets);
  const std::string faults = dump_json(plan.node_errors());
  if (!plan.runnable()) {
    log(Level::kWarning, "prompt refused", {{"prompt_id", order->job.id}, {"why", plan.text()}});
    return reply(Response::json(
        "{\"error\":" + dump_json(workflow::to_json(*plan.error)) + ",\"node_errors\":" + faults + "}", 400));
  }
  take_over_values(order->prompt, plan.prompt);
  Job& job = order->job;
  job.prompt = dump_json(order->prompt);
  job.targets = dump_json(Json(plan.outputs));
  if (s.needs) job.needs = s.needs(plan.prompt);

  const bool as_picture = request.header("accept").find("image/png") != std::string::npos;
  const std::string wait = request.param("wait");
  const bool waits = as_picture || (!wait.empty() && wait != "0" && wait != "false");
  const std::string id = job.id;
  int64_t waiter = -1;
  if (waits)
    waiter = s.workers.waiters().add(id, [&s, id, as_picture, reply] { answer_end(s, id, as_picture, reply); });
  // Clients begin to listen when they have the answer.
  Delivery::Hold hold;
  if (!waits && !job.client_id.empty()) hold = s.delivery.hold(id);
  double number = 0;
  s.workers.plans().keep(job, std::move(plan));  // before the worker can see the job
  try {
    const auto start = std::chrono::steady_clock::now();
    number = s.store.add(job, order->front, order->keep_number).number;
    s.metrics.observe("easel_store_seconds",
                      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), R"(call="add")");
  } catch (...) {
    s.workers.waiters().remove(waiter);
    s.workers.plans().drop({id});
    throw;
  }
  log(Level::kInfo, "job accepted", {{"prompt_id", id}, {"client_id", job.client_id}});
  if (!waits) {
    const Json shown = number == std::floor(number) ? Json(static_cast<int64_t>(number)) : Json(number);
    Response answer = Response::json("{\"prompt_id\":" + dump_json(id) + ",\"number\":" + dump_json(shown) +
                                     ",\"node_errors\":" + faults + "}");
    answer.until_sent = std::move(hold);
    reply(std::move(answer));
  }
  send_status(s.store, s.hub);
}

}  // namespace

void add_prompt_routes(Router& router, Services& s) {
  router.add("GET", "/prompt",
             s.pool.handler([&s](Request&) { return Response::json(queue_info(s.store.queue_length())); }));
  router.add("POST", "/prompt",
             s.models_pool.handler([&s](Request& request, const Reply& reply) { post_prompt(s, request, reply); }));
}

}  // namespace easel::server
