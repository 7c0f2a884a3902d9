// What `easel doctor` finds, and what the shells are told of the commands.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "command.h"
#include "ops/cpu/isa.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using testing::Workplace;
using workflow::Json;

// The finding that names `text`; null when there is none.
Json finding(const Json& checkup, const std::string& text) {
  for (const Json& one : checkup["findings"])
    if (one["message"].get<std::string>().find(text) != std::string::npos) return one;
  return nullptr;
}

Json examined(Workplace& place, int code, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {"doctor", "--json"});
  const auto result = place.run(arguments);
  EXPECT_EQ(result.code, code) << result.out << result.err;
  return workflow::parse_json(result.out);
}

TEST(Doctor, SaysWhatTheMachineIs) {
  Workplace place("doctor");
  const Json all = examined(place, 4);  // there is no model file
  const Json& machine = all["machine"];
  std::vector<std::string> levels;
  for (const auto level : ops::cpu::isa_levels()) levels.emplace_back(ops::cpu::isa_name(level));
  EXPECT_EQ(machine["instruction_levels"].get<std::vector<std::string>>(), levels);
  EXPECT_EQ(machine["instruction_level"], std::string(ops::cpu::isa_name(ops::cpu::isa())));
  EXPECT_EQ(machine["devices"][0], "cpu");
  EXPECT_GT(machine["memory"].get<uint64_t>(), machine["memory_available"].get<uint64_t>());
  EXPECT_LE(machine["memory_budget"].get<uint64_t>(), machine["memory"].get<uint64_t>());
  EXPECT_GE(machine["threads"].get<int>(), 1);
  EXPECT_GT(all["disk_free"].get<uint64_t>(), 0u);
  const Json limited = examined(place, 4, {"--memory-budget", "2G", "--threads", "1"});
  EXPECT_EQ(limited["machine"]["memory_budget"], uint64_t{2} << 30);
  EXPECT_EQ(limited["machine"]["threads"], 1);
  EXPECT_EQ(finding(limited, "2.0 GiB of memory")["gravity"], "note");
}

TEST(Doctor, NamesWhatIsWrongWithModelFolders) {
  Workplace place("doctor");
  EXPECT_EQ(finding(examined(place, 4), "no model file is in 'models'")["fault"], "missing");
  const Json nowhere = examined(place, 4, {"--models", "elsewhere"});
  EXPECT_NE(finding(nowhere, "no model folder 'elsewhere'")["advice"].get<std::string>().find("--models"),
            std::string::npos);
  ASSERT_EQ(place.run({"synth", "models", "--only", "vae-ft-mse"}).code, 0);
  const Json fine = examined(place, 0);
  EXPECT_EQ(fine["model_files"], 1);
  EXPECT_EQ(finding(fine, "no checkpoint")["gravity"], "note");

  // A damaged file, a link to nothing, and a file in the folder of another kind.
  fs::create_directories(place.folder() / "models/loras");
  fs::create_directories(place.folder() / "models/checkpoints");
  place.put("models/loras/cut.safetensors", std::string("\xff\0\0\0\0\0\0\0{", 9));
  fs::create_symlink("gone.safetensors", place.folder() / "models/loras/link.safetensors");
  for (const auto& entry : fs::recursive_directory_iterator(place.folder() / "models/vae"))
    if (entry.is_regular_file()) fs::copy(entry.path(), place.folder() / "models/checkpoints/vae.safetensors");
  const Json bad = examined(place, 4);
  EXPECT_EQ(finding(bad, "loras/cut.safetensors")["fault"], "bad_file");
  EXPECT_EQ(finding(bad, "gone.safetensors")["gravity"], "problem");
  EXPECT_NE(finding(bad, "checkpoints/vae.safetensors")["message"].get<std::string>().find("in vae/"),
            std::string::npos);
  EXPECT_EQ(bad["model_files"], 3);

  // Each folder counts what is in it, also where there are two of a kind.
  for (const Json& folder : bad["model_folders"])
    EXPECT_EQ(folder["files"],
              folder["kind"] == "loras" || folder["kind"] == "checkpoints" || folder["kind"] == "vae" ? 1 : 0)
        << folder;

  // For people: each finding with what to do, and the same exit code.
  const auto shown = place.run({"doctor"});
  EXPECT_EQ(shown.code, 4);
  EXPECT_NE(shown.out.find("problem: loras/cut.safetensors"), std::string::npos) << shown.out;
}

TEST(Doctor, NamesPlacesThatNothingCanBeSavedIn) {
  Workplace place("doctor");
  ASSERT_EQ(place.run({"synth", "models", "--only", "vae-ft-mse"}).code, 0);
  place.put("file", "");
  const Json all = examined(place, 2, {"--output", "file/out"});
  EXPECT_EQ(finding(all, "'file/out'")["fault"], "usage");
  EXPECT_FALSE(fs::exists(place.folder() / "output")) << "looking makes no folders";
}

// What bash offers for a command line whose last word is being written.
std::vector<std::string> offered(const Workplace& place, const std::string& script, const std::string& line) {
  place.put("ask.sh", "source " + script + "\nCOMP_WORDS=(" + line + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" +
                          "_easel\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  const std::string ask = "cd " + place.folder().string() + " && bash ask.sh > answer 2>&1";
  EXPECT_EQ(std::system(ask.c_str()), 0) << place.get("answer");
  std::vector<std::string> out;
  std::istringstream answer(place.get("answer"));
  for (std::string word; answer >> word;) out.push_back(word);
  return out;
}

TEST(Completion, BashKnowsCommandsOptionsAndChoices) {
  Workplace place("completion");
  const auto script = place.run({"completion", "bash"});
  ASSERT_EQ(script.code, 0);
  place.put("easel.bash", script.out);
  using Words = std::vector<std::string>;
  EXPECT_EQ(offered(place, "easel.bash", "easel do"), Words({"doctor"}));
  EXPECT_EQ(offered(place, "easel.bash", "easel serve --por"), Words({"--port"}));
  EXPECT_EQ(offered(place, "easel.bash", "easel run --precision ''"), Words({"auto", "f32", "bf16", "int8"}));
  EXPECT_EQ(offered(place, "easel.bash", "easel queue mov"), Words({"move"}));
  // A picture comes here: files, which the shell offers where nothing else is.
  EXPECT_EQ(offered(place, "easel.bash", "easel img2img pho"), Words());
  EXPECT_EQ(offered(place, "easel.bash", "easel serve --models ''"), Words());
  EXPECT_EQ(place.run({"completion", "tcsh"}).code, 2);
}

TEST(Completion, EveryShellGetsEveryCommand) {
  Workplace place("completion");
  const std::string help = place.run({"--help"}).out;
  const std::string zsh = place.run({"completion", "zsh"}).out, fish = place.run({"completion", "fish"}).out;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  std::getline(lines, line);
  int commands = 0;
  for (; std::getline(lines, line) && !line.empty(); ++commands) {
    const std::string name = line.substr(2, line.find(' ', 2) - 2);
    EXPECT_NE(zsh.find("_easel_" + name + "() {"), std::string::npos) << name;
    EXPECT_NE(fish.find(" -f -a " + name + " -d "), std::string::npos) << name;
  }
  EXPECT_GT(commands, 15);
}

}  // namespace
}  // namespace easel::cli
