// What would become of the workflow files of a folder, without running any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace easel::cli {

enum class Standing {
  kRuns,
  kRunsInPart,  // some of its outputs cannot be run
  kLacksNodes,  // classes that are not known; files may be lacking as well
  kLacksFiles,  // models or pictures that are not in their folders, and nothing else
  kInvalid,     // a workflow with other faults
  kNoWorkflow,  // JSON or a picture that holds none
  kUnreadable,  // damaged, too large, or of no known kind
};

// "runs", "runs in part", "lacks nodes", "lacks files", "not valid", "no workflow", "unreadable".
std::string standing_name(Standing standing);

struct Surveyed {
  std::filesystem::path file;  // relative to the folder
  Standing standing = Standing::kUnreadable;
  std::string form;                // "graph" or "prompt", empty when it is no workflow
  std::vector<std::string> nodes;  // classes it lacks, each once
  std::vector<std::string> files;  // "input: name" that it lacks, each once
  std::string message;             // the first fault that is neither
};

// JSON files and pictures below a folder, in the order of their names; links to folders are not followed.
// Throws Error(kMissing) when it is no folder.
std::vector<std::filesystem::path> workflow_files(const std::filesystem::path& folder);

// Looks at one file. What is wrong with the file is in the result; only Error(kCancelled) is thrown.
Surveyed survey(const std::filesystem::path& folder, const std::filesystem::path& file, engine::Engine& engine);

// A class that is not known, and what it would bring.
struct HelpfulNode {
  std::string name;
  size_t lacking = 0;    // workflows that lack it
  size_t completes = 0;  // of them, those that lack no other class once this one and those before it are there
};

// The classes that would help most, best first: each workflow shares one vote among the classes it still lacks.
std::vector<HelpfulNode> helpful_nodes(const std::vector<Surveyed>& surveyed, size_t most);

}  // namespace easel::cli
