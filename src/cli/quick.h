// Running one of the project's own workflows on a person's picture, without any JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "techniques/techniques.h"

namespace easel::cli {

struct QuickFlags {
  SessionFlags session;
  std::vector<std::string> pictures, assignments;
  std::string prompt, negative, with, size;
  std::optional<double> amount;  // of the technique's main knob
  std::optional<uint64_t> seed;
  std::optional<int> steps;
  bool save_workflow = false, json = false;
};

// Runs the first of the named techniques that the model files allow and that takes so many pictures.
// Throws Error(kMissing) saying what each of them lacks when none can be run.
void run_technique(const QuickFlags& flags, const std::vector<std::string>& candidates);

// The technique that `run` and `sweep` take for a workflow when no file has its name, with the model files at hand.
// Nothing when there is a file, or no such technique. Throws as techniques::first_available().
std::optional<techniques::Technique> named_technique(engine::Engine& engine, const std::string& name,
                                                     const SessionFlags& session);

}  // namespace easel::cli
