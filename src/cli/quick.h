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

}  // namespace easel::cli
