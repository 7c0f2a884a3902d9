// What the commands that run workflows have in common: their flags, the engine they set up, what people see.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace CLI {
class App;
}

namespace easel::cli {

struct SessionFlags {
  std::string models = "models", input = "input", output = "output", temp, extra_model_paths;
  std::string device, precision = "auto", preview = "auto", memory_budget, weight_cache, weight_cache_limit = "50G";
  int threads = 0;
  bool verbose = false;
};

// Declares --models, --input, --output, --temp, --extra-model-paths, --device, --precision, --preview, --threads,
// --memory-budget, --weight-cache, --weight-cache-limit.
void add_session_flags(CLI::App& command, SessionFlags& flags);

// --device, in a command that has no other of these flags, and what it asks for; start_engine() does that by itself.
void add_device_flag(CLI::App& command, std::string& device, const char* group);
// Throws Error(kUsage) for a name that is none, Error(kUnsupported) for a device that is not there.
void start_device(const std::string& device);

// The last two of them, and what they ask for; start_engine() does that by itself.
void add_weight_cache_flags(CLI::App& command, std::string& folder, std::string& limit, const char* group);
void start_weight_cache(const std::string& folder, const std::string& limit);

// Throws Error(kUsage) for flags that make no sense, Error(kMissing) for folders that are not there. A model folder
// that is not needed is empty when it is not there; where one is needed, the models that came with the program will do.
// `artifacts`: where pictures are kept instead of the folders that the flags name; must outlive the engine.
std::unique_ptr<engine::Engine> start_engine(const SessionFlags& flags, bool models_needed = true,
                                             artifacts::ArtifactStore* artifacts = nullptr);

// That there are only the models that came with the program, in a sentence; empty when there is a model folder.
std::string only_built_in(const SessionFlags& flags);

// "6G", "512M", "1048576" as bytes. Throws Error(kUsage).
size_t parse_bytes(const std::string& text);

}  // namespace easel::cli
