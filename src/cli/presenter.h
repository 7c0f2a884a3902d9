// How a run is presented: progress bars and text for people, JSON lines for programs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "engine/engine.h"

namespace easel::cli {

enum class Style { kPeople, kJson, kQuiet };

// Prints the events of runs as they come. Remembers the files that were saved.
class Presenter final : public engine::EventSink {
 public:
  Presenter(Style style, const engine::Engine& engine, bool verbose = false)
      : style_(style), engine_(engine), verbose_(verbose) {}

  void take(const engine::RunEvent& event) override;
  // The last words of a run.
  void finished(const engine::RunReport& report);
  // Reports a run that failed; `validation`, if given, has the faults because of which it did not begin.
  void failed(const Error& error, const workflow::Validation* validation = nullptr);

  // Paths of the pictures saved into the output folder, in order.
  const std::vector<std::string>& saved() const { return saved_; }

 private:
  void on(const engine::NodesReused& event);
  void on(const engine::NodeStarted& event);
  void on(const engine::SamplingStarted& event);
  void on(const engine::NodeProgress& event);
  void on(const engine::PictureFinished&) {}
  void on(const engine::NodeWarning& event);
  void on(const engine::NodeDetail& event);
  void on(const engine::NodeFinished& event);

  Style style_;
  const engine::Engine& engine_;
  const bool verbose_;
  std::string class_type_;
  std::chrono::steady_clock::time_point work_start_{};  // of the node, or of its first step
  std::unique_ptr<ProgressBar> bar_;
  std::vector<std::string> saved_, previews_;
};

}  // namespace easel::cli
