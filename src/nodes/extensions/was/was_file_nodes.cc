// Nodes of WAS Node Suite (github.com/WASasquatch/was-node-suite-comfyui) that read texts from files.
#include <algorithm>

#include "artifacts/artifact_store.h"
#include "base/atomic_file.h"
#include "base/files/utf8.h"
#include "node_api/table.h"
#include "nodes/common/python/python_values.h"

namespace easel::nodes {

// DICT: lines of text under a name.
struct WasLines {
  std::string name;
  std::vector<std::string> lines;
};
template <>
struct LinkType<WasLines> {
  static constexpr const char* kName = "DICT";
  using Held = WasLines;
  using Foreseen = void;
  static size_t bytes(const WasLines& all) {
    size_t sum = all.name.size();
    for (const std::string& line : all.lines) sum += line.size();
    return sum;
  }
};

namespace {

struct Load {
  std::string file_path, dictionary_name = "[filename]";
};

// The part of a path behind its folders, up to the first point.
std::string stem(const std::string& path) {
  const std::string name = path.substr(path.find_last_of('/') + 1);
  return name.substr(0, name.find('.'));
}

// The lines of a file in the input folder, without comments. The original reads any file of the machine.
Results<std::string, WasLines> load(const Load& in, Call& call) {
  std::string path = in.file_path;
  std::replace(path.begin(), path.end(), '\\', '/');
  WasLines out{in.dictionary_name == "[filename]" ? stem(path) : in.dictionary_name, {}};
  std::optional<std::filesystem::path> file;
  try {
    if (!path.empty()) file = call.context().artifacts.find({artifacts::Area::kInput, "", path}, NameFrom::kClient);
  } catch (Error& e) {
    e.at_input("file_path").fix("Put the file into the input folder, and name it as it is called there");
    throw;
  }
  if (!file) {
    call.warn("there is no file '" + in.file_path + "' in the input folder, so that the text is empty");
    return {std::string(), std::move(out)};
  }
  std::string text = read_file(*file, kMostText);
  if (!is_utf8(text)) throw Error(Fault::kBadFile, "the text is not UTF-8").in_file(in.file_path).at_input("file_path");
  out.lines = without_comments(std::move(text));
  for (std::string& line : out.lines) std::erase(line, '\r');
  std::string all = joined(out.lines);
  return {std::move(all), std::move(out)};
}

}  // namespace

void register_was_file_nodes(Table& table) {
  table.add(
      NodeOf<Load>{.name = "Load Text File",
                   .category = "WAS Suite/IO",
                   .description = "The lines of a text file in the input folder, without those that begin with #.",
                   .origin = "was",
                   .inputs = {Text("file_path", &Load::file_path), Text("dictionary_name", &Load::dictionary_name)},
                   .outputs = {{"STRING"}, {"DICT"}},
                   .always = true,
                   .run = load});
}

}  // namespace easel::nodes
