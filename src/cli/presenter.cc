#include "cli/presenter.h"

#include <algorithm>
#include <cstdio>

#include "cli/process.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using workflow::Json;

void json_line(const Json& json) {
  printf("%s\n", workflow::dump_json(json).c_str());
  fflush(stdout);
}

std::filesystem::path folder_of(const engine::Engine& engine, const std::string& type) {
  if (type == "output") return engine.directories().output;
  return type == "temp" ? engine.directories().temp : engine.directories().input;
}

}  // namespace

void Presenter::take(const engine::RunEvent& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

void Presenter::on(const engine::NodesReused& e) {
  if (style_ == Style::kJson) json_line({{"event", "reused"}, {"nodes", e.nodes}});
}

void Presenter::on(const engine::NodeStarted& e) {
  class_type_ = e.class_type;
  work_start_ = std::chrono::steady_clock::now();
  if (style_ == Style::kJson) json_line({{"event", "node_started"}, {"node", e.node}, {"class_type", e.class_type}});
}

void Presenter::on(const engine::SamplingStarted& e) {
  work_start_ = std::chrono::steady_clock::now();
  const double seconds = seconds_since_launch();
  if (style_ == Style::kJson) json_line({{"event", "sampling"}, {"node", e.node}, {"since_launch", seconds}});
  else if (verbose_ && style_ == Style::kPeople)
    fprintf(stderr, "%s\n",
            dim("node " + e.node + " begins its first step " + human_seconds(seconds) + " after the start").c_str());
}

void Presenter::on(const engine::NodeProgress& e) {
  if (style_ == Style::kJson) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - work_start_).count();
    json_line({{"event", "progress"},
               {"node", e.node},
               {"value", e.value},
               {"max", e.max},
               {"seconds_per_step", seconds / static_cast<double>(std::max<int64_t>(1, e.value))}});
  }
  if (style_ != Style::kPeople) return;
  if (!bar_) bar_ = std::make_unique<ProgressBar>(class_type_ + " " + e.node, work_start_);
  bar_->update(static_cast<double>(e.value), static_cast<double>(e.max));
}

void Presenter::on(const engine::NodeWarning& e) {
  if (style_ == Style::kJson) json_line({{"event", "warning"}, {"node", e.node}, {"message", e.text}});
  else
    fprintf(stderr, "%s %s%s\n", bold("note:").c_str(), e.node.empty() ? "" : ("node " + e.node + ": ").c_str(),
            e.text.c_str());
}

void Presenter::on(const engine::NodeDetail& e) {
  if (!verbose_) return;
  if (style_ == Style::kJson) json_line({{"event", "detail"}, {"node", e.node}, {"message", e.text}});
  else fprintf(stderr, "%s\n", dim("node " + e.node + ": " + e.text).c_str());
}

void Presenter::on(const engine::NodeFinished& e) {
  const engine::NodeReport& report = e.report;
  bar_.reset();
  if (verbose_ && style_ == Style::kPeople)
    fprintf(
        stderr, "%s\n",
        dim("node " + report.id + " (" + report.class_type + ") " +
            (report.reused ? "was used again" : "took " + human_seconds(report.seconds) + ", because " + report.why))
            .c_str());
  Json files = Json::array();
  for (const auto& [list, shown] : e.ui) {
    for (const auto& file : shown) {
      const std::string path = (folder_of(engine_, file.type) / file.subfolder / file.filename).string();
      files.push_back(path);
      (file.type == "output" ? saved_ : previews_).push_back(path);
      if (style_ == Style::kPeople && file.type == "output") printf("%s\n", path.c_str());
    }
  }
  fflush(stdout);
  if (style_ != Style::kJson) return;
  Json line = {
      {"event", "node_finished"}, {"node", report.id}, {"class_type", report.class_type}, {"reused", report.reused}};
  if (!report.reused) line["why"] = report.why;
  line["seconds"] = report.seconds;
  line["files"] = std::move(files);
  json_line(line);
}

void Presenter::finished(const engine::RunReport& report) {
  size_t reused = 0;
  for (const auto& node : report.nodes) reused += node.reused ? 1 : 0;
  // A workflow that only previews has its pictures there.
  if (style_ == Style::kPeople && saved_.empty())
    for (const std::string& path : previews_) printf("%s\n", path.c_str());
  if (style_ == Style::kJson)
    json_line({{"event", "finished"},
               {"seconds", report.seconds},
               {"nodes", report.nodes.size()},
               {"reused", reused},
               {"peak_memory", peak_memory()},
               {"saved", saved_},
               {"previews", previews_}});
  if (style_ == Style::kPeople)
    fprintf(stderr, "%s\n",
            dim("done in " + human_seconds(report.seconds) + ", with at most " + human_bytes(peak_memory())).c_str());
}

void Presenter::failed(const Error& error, const workflow::Validation* validation) {
  bar_.reset();
  if (style_ != Style::kJson) return;
  Json line = {{"event", "failed"},
               {"fault", fault_name(error.fault())},
               {"exit_code", exit_code(error.fault())},
               {"message", error.what()},
               {"node", error.node()},
               {"input", error.input()},
               {"file", error.file()}};
  if (validation && !validation->flawless()) {
    line["error"] = validation->error ? workflow::to_json(*validation->error) : Json();
    line["node_errors"] = validation->node_errors();
  }
  json_line(line);
}

}  // namespace easel::cli
