// Running one of the project's own workflows on a person's picture, without any JSON, or by its name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "engine/engine.h"
#include "workflow/load.h"

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

// What `run` and `sweep` are given: a workflow's file, read in the form that `form` names (workflow::form_named), else
// in the one that can be run; or, when no file has that name, a technique with the model files at hand. Notes on
// standard error if it runs with the models that came with the program. Throws as workflow::load_workflow() and
// techniques::first_available().
workflow::Workflow load_named(engine::Engine& engine, const std::string& name, const std::string& form,
                              const SessionFlags& session);

}  // namespace easel::cli
