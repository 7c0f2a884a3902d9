// What the commands that run workflows have in common: their flags, the engine they set up, what people see.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "workflow/prompt.h"

namespace CLI {
class App;
}

namespace easel::cli {

struct SessionFlags {
  std::string models = "models", input = "input", output = "output", temp, extra_model_paths;
  std::string precision = "auto", preview = "auto", memory_budget, weight_cache, weight_cache_limit = "50G";
  int threads = 0;
  bool verbose = false;
};

// Declares --models, --input, --output, --temp, --extra-model-paths, --precision, --preview, --threads,
// --memory-budget,
// --weight-cache, --weight-cache-limit.
void add_session_flags(CLI::App& command, SessionFlags& flags);

// The last two of them, and what they ask for; start_engine() does that by itself.
void add_weight_cache_flags(CLI::App& command, std::string& folder, std::string& limit, const char* group);
void start_weight_cache(const std::string& folder, const std::string& limit);

// Throws Error(kUsage) for flags that make no sense, Error(kMissing) for folders that are not there. A model folder
// that is not needed is empty when it is not there.
std::unique_ptr<engine::Engine> start_engine(const SessionFlags& flags, bool models_needed = true);

// "6G", "512M", "1048576" as bytes. Throws Error(kUsage).
size_t parse_bytes(const std::string& text);

}  // namespace easel::cli
