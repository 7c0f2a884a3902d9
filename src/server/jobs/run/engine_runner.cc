#include "server/jobs/run/engine_runner.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "server/log.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

// What ComfyUI's error message shows of a node's inputs: each as a list of texts.
Json inputs_as_text(const workflow::Prompt& prompt, const std::string& id) {
  Json out = Json::object();
  const workflow::PromptNode* node = prompt.find(id);
  if (!node) return out;
  for (const auto& item : node->inputs.items())
    out[item.key()] =
        Json::array({item.value().is_array() ? dump_json(item.value()) : workflow::python_str(item.value())});
  return out;
}

// The end of a job that can no longer be run, because of what has changed since it was accepted.
RunResult refused(const engine::Plan& plan) {
  RunResult out;
  out.end = RunEnd::kFailed;
  try {
    plan.raise();
  } catch (const Error& e) {
    out.error = e.what();
    out.error_type = fault_name(e.fault());
  }
  if (plan.faulty.empty()) return out;
  out.node = plan.faulty.front().id;
  out.input = plan.faulty.front().faults.front().input;
  if (plan.faulty.size() == 1 && plan.faulty.front().faults.size() == 1) {
    const workflow::NodeFault& fault = plan.faulty.front().faults.front();
    out.reason = fault.reason.empty() ? workflow::in_words(fault) : fault.reason;
    out.code = workflow::code_name(fault.code);
    out.hint = fault.hint;
  }
  out.node_class = plan.faulty.front().class_type;
  out.current_inputs = inputs_as_text(plan.prompt, out.node);
  return out;
}

// Whether every output that the job is to make can be made.
bool complete(const engine::Plan& plan, const std::vector<std::string>& outputs) {
  return std::all_of(outputs.begin(), outputs.end(), [&](const std::string& id) {
    return std::find(plan.outputs.begin(), plan.outputs.end(), id) != plan.outputs.end();
  });
}

}  // namespace

engine::Plan EngineRunner::check(const workflow::Prompt& prompt, const std::vector<std::string>& only) {
  return engine_.check(prompt, only);
}

RunResult EngineRunner::run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) {
  engine::RunOptions options{.cancel = cancel};
  if (const auto info = request.extra_data.find("extra_pnginfo"); info != request.extra_data.end() && info->is_object())
    for (const auto& item : info->items()) options.picture_text.emplace_back(item.key(), dump_json(item.value()));
  engine::Plan plan =
      request.plan ? std::move(*request.plan) : engine_.check(workflow::parse_prompt(request.prompt), request.outputs);
  if (!complete(plan, request.outputs)) return refused(plan);
  const workflow::Prompt prompt = plan.prompt;
  const std::string device = engine_.device();
  RunResult out;
  try {
    engine_.run(std::move(plan), options, sink);
  } catch (const Error& e) {
    out.end = e.fault() == Fault::kCancelled ? RunEnd::kInterrupted : RunEnd::kFailed;
    out.node = e.node();
    out.node_class = e.node_class();
    out.input = e.input();
    out.error = e.what();
    out.reason = workflow::reason_of(e);
    out.code = workflow::code_name(workflow::code_of(e.fault()));
    out.error_type = fault_name(e.fault());
    if (out.end == RunEnd::kFailed) out.current_inputs = inputs_as_text(prompt, e.node());
  }
  if (const std::string now = engine_.device(); now != device)
    log(Level::kWarning, "a device was lost; later jobs are computed on another", {{"lost", device}, {"now", now}});
  return out;
}

void EngineRunner::free_memory(bool models, bool results) {
  if (results) engine_.free_results();
  if (models) engine_.free_models();
}

RunnerStats EngineRunner::stats() const {
  return {engine_.model_bytes(), engine_.result_bytes(), engine_.device(), engine_.memory_budget()};
}

}  // namespace easel::server
