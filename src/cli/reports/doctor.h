// What this machine can do, what Easel finds on it, and what stands in the way.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"

namespace easel::cli {

enum class Gravity {
  kNote,     // works, but slower or less comfortably than it could
  kProblem,  // something that people would want does not work
};

// One thing that could be better.
struct Finding {
  Gravity gravity = Gravity::kNote;
  Fault fault = Fault::kMissing;  // of a problem: decides the exit code
  std::string says;               // what is the matter, naming the file or the setting
  std::string advice;             // what to do about it
};

// Bytes, and 0 for what the system does not say.
struct MachineFacts {
  std::string processor;            // as the system names it, its kind ("aarch64") where it does not
  int threads = 0;                  // that Easel computes with
  std::optional<double> cpu_quota;  // cores' worth of time that the container may use, where it is limited
  std::vector<std::string> levels;  // instruction levels that the kernels can run at here, in order
  std::string level, precision;     // what `--precision auto` uses: "avx2", "f32"
  std::vector<std::string> devices;
  std::string no_card,
      no_card_advice;  // why there is no graphics card among them, and what to do; empty if there is one
  uint64_t memory = 0, memory_available = 0, budget = 0;  // budget: what Easel keeps to without --memory-budget
  uint64_t address_space = 0;                             // limit of this process; 0: none
  std::string huge_pages;                                 // "always", "madvise" or "never"; empty: unknown
  uint64_t open_files = 0;                                // that this process may have at most
};

struct FolderFacts {
  std::string kind;
  std::filesystem::path path;
  size_t files = 0;  // in it, that are listed for this kind
};

struct Checkup {
  MachineFacts machine;
  std::vector<FolderFacts> folders;  // model folders that are there
  size_t model_files = 0;
  uint64_t disk_free = 0;  // where pictures are saved
  std::vector<Finding> findings;

  // The gravest fault, nothing when all is well.
  std::optional<Fault> fault() const;
};

// Looks at the machine and at the folders of an engine that was set up with `models` as its model folder (which need
// not be there). Reads the headers of all model files and writes nothing that stays. Throws Error(kCancelled) only.
Checkup examine(const engine::Engine& engine, const std::filesystem::path& models);

}  // namespace easel::cli
