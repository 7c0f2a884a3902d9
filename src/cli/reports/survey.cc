#include "cli/reports/survey.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files/utf8.h"
#include "base/files/walk.h"
#include "formats/pictures/picture_format.h"
#include "workflow/load.h"

namespace easel::cli {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostFiles = 200000;

bool may_hold_workflow(const fs::path& path) {
  const std::string end = lower_ascii(path.extension().string());
  return end == ".json" || formats::picture_kind_by_ending(end);
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

// The output nodes that could run if no file were lacking: none of the nodes before them has another fault.
bool lacks_only_files_somewhere(const workflow::Validation& plan, const std::set<std::string>& spoiled) {
  for (const workflow::FaultyNode& node : plan.faulty)
    for (const std::string& output : node.dependent_outputs)
      if (!spoiled.contains(output)) return true;
  return false;
}

// Sorts a prompt's faults into what it lacks and the rest.
void judge(const workflow::Validation& plan, Surveyed& out) {
  std::set<std::string> spoiled;  // outputs before which a node has a fault that is neither
  for (const workflow::FaultyNode& node : plan.faulty)
    for (const workflow::NodeFault& fault : node.faults) {
      if (fault.code == workflow::FaultCode::kUnknownClass && !node.class_type.empty()) {
        add_once(out.nodes, node.class_type);
      } else if (workflow::fault_of(fault.code) == Fault::kMissing && fault.about.contains("received_value")) {
        add_once(out.files, fault.input + ": " + workflow::python_str(fault.about["received_value"]));
      } else if (!node.dependent_outputs.empty() || node.class_type.empty()) {
        spoiled.insert(node.dependent_outputs.begin(), node.dependent_outputs.end());
        if (out.message.empty())
          out.message = "node " + node.id + " (" + node.class_type + "): " + fault.message + ": " + fault.details;
      }
    }
  if (!out.nodes.empty()) out.standing = Standing::kLacksNodes;
  else if (plan.runnable()) out.standing = plan.flawless() ? Standing::kRuns : Standing::kRunsInPart;
  else if (!out.files.empty() && lacks_only_files_somewhere(plan, spoiled)) out.standing = Standing::kLacksFiles;
  else out.standing = Standing::kInvalid;
  if (out.standing == Standing::kInvalid && out.message.empty()) out.message = plan.text();
}

}  // namespace

std::string standing_name(Standing standing) {
  switch (standing) {
    case Standing::kRuns: return "runs";
    case Standing::kRunsInPart: return "runs in part";
    case Standing::kLacksNodes: return "lacks nodes";
    case Standing::kLacksFiles: return "lacks files";
    case Standing::kInvalid: return "not valid";
    case Standing::kNoWorkflow: return "no workflow";
    case Standing::kUnreadable: break;
  }
  return "unreadable";
}

std::vector<fs::path> workflow_files(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw Error(Fault::kMissing, "there is no folder '" + folder.string() + "'").fix("Name a folder of workflow files");
  std::vector<fs::path> out;
  walk_files(folder, {.follow_links = false}, [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    if (may_hold_workflow(entry.path()) && entry.is_regular_file(ignored))
      out.push_back(entry.path().lexically_relative(folder));
    return out.size() < kMostFiles;
  });
  std::sort(out.begin(), out.end());
  return out;
}

Surveyed survey(const fs::path& folder, const fs::path& file, engine::Engine& engine) {
  Surveyed out;
  out.file = file;
  try {
    workflow::Workflow flow = workflow::load_workflow(folder / file, engine.table());
    const auto accepted = [&](const workflow::Prompt& prompt) { return engine.check(prompt).runnable(); };
    workflow::take_accepted_form(flow, engine.table(), accepted);
    out.form = flow.from_graph ? "graph" : "prompt";
    judge(engine.check(flow.prompt), out);
  } catch (const Error& e) {
    if (e.fault() == Fault::kCancelled) throw;
    out.message = e.message();
    out.standing = e.fault() == Fault::kInvalid ? Standing::kNoWorkflow : Standing::kUnreadable;
  } catch (const std::exception& e) {
    out.message = e.what();
  }
  return out;
}

std::vector<HelpfulNode> helpful_nodes(const std::vector<Surveyed>& surveyed, size_t most) {
  std::vector<std::set<std::string>> lacking;
  std::map<std::string, size_t> count;
  for (const Surveyed& one : surveyed) {
    if (one.nodes.empty()) continue;
    lacking.emplace_back(one.nodes.begin(), one.nodes.end());
    for (const std::string& name : lacking.back()) ++count[name];
  }
  std::vector<HelpfulNode> out;
  while (out.size() < most) {
    std::map<std::string, double> votes;
    for (const auto& names : lacking)
      for (const std::string& name : names) votes[name] += 1.0 / static_cast<double>(names.size());
    if (votes.empty()) break;
    const auto best =
        std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    HelpfulNode node{best->first, count[best->first], 0};
    for (auto& names : lacking)
      if (names.erase(node.name) && names.empty()) ++node.completes;
    out.push_back(std::move(node));
  }
  return out;
}

}  // namespace easel::cli
