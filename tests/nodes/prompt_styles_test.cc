// Styles of sdxl_prompt_styler. The expected texts are what the original makes of the same styles.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "base/error.h"
#include "nodes/extensions/styler/prompt_styles.h"
#include "tiny_runner.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;

const PromptStyle kFilm{"film", "film still of {prompt}, {prompt}", "drawing"};
const PromptStyle kTwo{"two", "oil, {prompt} . rough, oil, wide", "photo"};
const PromptStyle kTaken{"taken", "ink . {prompt}, fine", ""};

TEST(PromptStyles, ATextStandsWhereTheStyleSaysAndBehindItsNegative) {
  const StyledTexts both = styled(kFilm, "a {prompt} cat", "blue");
  EXPECT_EQ(both.positive, "film still of a {prompt} cat, a {prompt} cat");
  EXPECT_EQ(both.negative, "drawing, blue");
  EXPECT_EQ(styled(kFilm, "a", "").negative, "drawing");
  EXPECT_EQ(styled(kTaken, "a", "blue").negative, "blue");
}

TEST(PromptStyles, APairOfTextsIsForTwoEncoders) {
  const StyledPair apart = styled_pair(kTwo, "cat", "tree", "blue", false);
  EXPECT_EQ(apart.g, "oil, cat");
  EXPECT_EQ(apart.l, "rough, oil, wide, tree");
  EXPECT_EQ(apart.both, "oil, cat, rough, wide, tree");
  EXPECT_EQ(apart.negative, "photo, blue");
  const StyledPair copied = styled_pair(kTwo, "cat", "tree", "", true);
  EXPECT_EQ(copied.l, "oil, cat, rough, wide, tree");
  EXPECT_EQ(copied.both, "oil, cat, rough, wide, tree");
  // What takes the text itself is not given it again.
  const StyledPair taken = styled_pair(kTaken, "cat", "", "", true);
  EXPECT_EQ(taken.g, "ink");
  EXPECT_EQ(taken.l, "cat, fine");
  EXPECT_EQ(taken.both, "ink, cat, fine");
  // A part that the second text has more often than the first keeps its last places.
  EXPECT_EQ(styled_pair({"s", "a, {prompt}, a . b", ""}, "c", "a, b, a, c, a", "", false).both, "a, c, a, b, b, a");
  const StyledPair plain = styled_pair(kFilm, "cat", "", "", false);
  EXPECT_EQ(plain.l, "");
  EXPECT_EQ(plain.both, "film still of cat, cat");
}

TEST(PromptStyles, ATextOfBracesDoesNotFillItselfAgain) {
  EXPECT_EQ(styled({"s", "{prompt}", ""}, "{prompt}{prompt}", "").positive, "{prompt}{prompt}");
}

TEST(PromptStyles, TextsDoNotGrowWithoutBounds) {
  std::string form, parts;
  for (int i = 0; i < 100'000; ++i) {
    form += "{prompt}";
    parts += std::to_string(i) + ",";
  }
  EXPECT_THROW(styled({"s", form, ""}, std::string(1000, 'a'), ""), Error);
  // Merged in one pass over each: one search through the second for every part of the first would take a minute.
  const StyledPair pair = styled_pair({"s", "{prompt}", ""}, parts, parts, "", false);
  EXPECT_EQ(std::count(pair.both.begin(), pair.both.end(), ','), 100'000);
}

TEST(PromptStyles, FilesThatAreNoStylesAreRefusedByName) {
  for (const char* text : {"{", "{}", "[1]", R"([{"name": "a", "prompt": "b"}])", R"([{"name": 1, "prompt": "b"}])",
                           "[{\"name\": \"\xff\", \"prompt\": \"\", \"negative_prompt\": \"\"}]"}) {
    try {
      parse_styles(text, "mine.json");
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kBadFile);
      EXPECT_EQ(e.file(), "mine.json");
    }
  }
}

class StyleFolders : public ::testing::Test {
 protected:
  StyleFolders() {
    write("models/checkpoints/none", "");
    write("models/styles/a.json", R"([{"name": "ink", "prompt": "ink {prompt}", "negative_prompt": "paint"}])");
    write("models/styles/notes.txt", "not a style");
    write("custom_nodes/sdxl_prompt_styler/b.json",
          R"([{"name": "ink", "prompt": "other {prompt}", "negative_prompt": ""}])");
  }
  ~StyleFolders() override { fs::remove_all(root_); }
  void write(const char* path, const char* text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  const fs::path root_ = fs::temp_directory_path() / ("easel-styles-" + std::to_string(getpid()));
};

TEST_F(StyleFolders, StylesOfAllFilesHaveNamesOfTheirOwn) {
  const library::Folders folders(root_);
  std::vector<std::string> told;
  std::vector<std::string> left_out;
  for (const PromptStyle& style : read_styles(folders, left_out)) told.push_back(style.name + ": " + style.prompt);
  EXPECT_TRUE(left_out.empty());
  EXPECT_EQ(told, (std::vector<std::string>{"base: {prompt}", "ink: ink {prompt}", "ink_1: other {prompt}"}));
  const std::vector<std::string> kinds = folders.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "styles"), 0);
}

TEST_F(StyleFolders, AFileThatIsNoneOfStylesLeavesTheOthersThere) {
  write("models/styles/0.json", R"({"nodes": []})");
  write("models/styles/below/c.json", R"([{"name": "below", "prompt": "{prompt}", "negative_prompt": ""}])");
  std::vector<std::string> names, left_out;
  for (const PromptStyle& style : read_styles(library::Folders(root_), left_out)) names.push_back(style.name);
  EXPECT_EQ(names, (std::vector<std::string>{"base", "ink", "ink_1"}));
  ASSERT_EQ(left_out.size(), 1u);
  EXPECT_NE(left_out[0].find("0.json"), std::string::npos) << left_out[0];
}

TEST_F(StyleFolders, NamesOfTheirOwnAreFoundInOnePass) {
  std::string many = R"([{"name": "ink_2", "prompt": "", "negative_prompt": ""})";
  for (int i = 0; i < 50'000; ++i) many += R"(,{"name": "ink", "prompt": "", "negative_prompt": ""})";
  write("models/styles/a.json", (many + "]").c_str());
  std::vector<std::string> left_out;
  const std::vector<PromptStyle> all = read_styles(library::Folders(root_), left_out);
  ASSERT_EQ(all.size(), 50'003u);
  EXPECT_EQ(all[2].name, "ink");
  EXPECT_EQ(all[3].name, "ink_1");
  EXPECT_EQ(all[4].name, "ink_3") << "ink_2 is another's name";
}

TEST(PromptStyler, NamesStylesNearTheOneThatIsMissing) {
  TinyRunner run;
  const auto typed = [](const char* style) {
    return TinyRunner::Typed{{"text_positive", words("barn")}, {"text_negative", words("")}, {"style", words(style)}};
  };
  EXPECT_EQ(run("SDXLPromptStyler", typed("base"))[0].as<std::string>(), "barn");
  try {
    run("SDXLPromptStyler", typed("bas"));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("did you mean 'base'?"), std::string::npos) << e.message();
  }
}

}  // namespace
}  // namespace easel::nodes
