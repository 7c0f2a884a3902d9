// Texts as the editor rewrites them when it queues a graph.
#include "workflow/convert/dynamic_text.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "toy_table.h"
#include "workflow/convert/convert.h"
#include "workflow/edit.h"
#include "workflow/load.h"

namespace easel::workflow {
namespace {

std::string rewritten(std::string_view text) {
  Draw draw(1);
  return rewritten_text(text, draw);
}

TEST(DynamicText, CommentsGo) {
  EXPECT_EQ(rewritten("a barn // not this\nat night"), "a barn \nat night");
  EXPECT_EQ(rewritten("a /* not\nthis */ barn"), "a  barn");
  EXPECT_EQ(rewritten("/**/a/* not closed"), "a/* not closed");
  EXPECT_EQ(rewritten("// all of it"), "");
  EXPECT_EQ(rewritten("see http://example.org/a // this goes"), "see http://example.org/a ");
  EXPECT_EQ(rewritten("https://a//b"), "https://a");
  EXPECT_EQ(rewritten("a / b"), "a / b");
}

TEST(DynamicText, EscapedBracesStay) {
  EXPECT_EQ(rewritten("a \\{red\\|blue\\} barn"), "a {red|blue} barn");
  EXPECT_EQ(rewritten("\\(plain\\) parentheses"), "\\(plain\\) parentheses");
  EXPECT_EQ(rewritten("{only \\} one}"), "only } one");
  EXPECT_EQ(rewritten("ends so \\"), "ends so \\");
}

TEST(DynamicText, ChoicesArePicked) {
  EXPECT_EQ(rewritten("a {red} barn"), "a red barn");
  EXPECT_EQ(rewritten("a {} barn"), "a  barn");
  EXPECT_EQ(rewritten("a } barn | x"), "a } barn | x");
  std::map<std::string, int> count;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Draw draw(seed);
    ++count[rewritten_text("{a|b|{c|d|}}", draw)];
  }
  EXPECT_EQ(count.size(), 5u);
  EXPECT_NEAR(count["a"], 1000, 120);
  EXPECT_NEAR(count["b"], 1000, 120);
  for (const char* inner : {"c", "d", ""}) EXPECT_NEAR(count[inner], 333, 80) << inner;
  // As the page picks (web/tests/dynamicText.test.ts).
  Draw draw(7);
  EXPECT_EQ(rewritten_text("{a|b|c|d} {e|f|g|h} {i|j|k|l}", draw), "d e k");
}

TEST(DynamicText, HostileOnesEnd) {
  EXPECT_NO_THROW(rewritten(std::string(100000, '{')));
  EXPECT_NO_THROW(rewritten("{" + std::string(100000, '|')));
  EXPECT_NO_THROW(rewritten(std::string(100000, '/')));
}

class WithTexts : public testing::ToyTable {
 public:
  WithTexts() {
    spec_ = *ToyTable::forms("Text").front();
    spec_.inputs[0].dynamic_prompts = true;
  }
  std::vector<const NodeSpec*> forms(std::string_view type) const override {
    return type == "Text" ? std::vector<const NodeSpec*>{&spec_} : ToyTable::forms(type);
  }

 private:
  NodeSpec spec_;
};

Json graph(const std::string& text, int seed) {
  Json out = parse_json(R"({"nodes": [
      {"id": 1, "type": "Text", "widgets_values": [""]},
      {"id": 2, "type": "Sample", "widgets_values": [0, "fixed"]},
      {"id": 3, "type": "Save", "widgets_values": ["{a|b}"]}], "links": []})");
  out["nodes"][0]["widgets_values"][0] = text;
  out["nodes"][1]["widgets_values"][0] = seed;
  return out;
}

TEST(DynamicText, AGraphsTextsFollowItsSeedAndOthersStay) {
  const WithTexts table;
  const auto text = [&](int seed) {
    const Prompt prompt = read_workflow(graph("a {red|green|blue|white} barn // c", seed), table).prompt;
    EXPECT_EQ(prompt.find("3")->inputs["prefix"], "{a|b}");
    return prompt.find("1")->inputs["text"].get<std::string>();
  };
  std::map<std::string, int> seen;
  for (int seed = 0; seed < 40; ++seed) {
    EXPECT_EQ(text(seed), text(seed));
    ++seen[text(seed)];
  }
  EXPECT_EQ(seen.size(), 4u);
  // The API's form is what was queued: nothing is rewritten any more.
  const Json prompt = parse_json(R"({"1": {"class_type": "Text", "inputs": {"text": "{a|b} // c"}}})");
  EXPECT_EQ(read_workflow(prompt, table).prompt.find("1")->inputs["text"], "{a|b} // c");
  // As a graph such a text stays itself.
  const Json braces = parse_json(R"({"1": {"class_type": "Text", "inputs": {"text": "a {b|c}"}}})");
  const Json there = to_graph(parse_prompt(braces), table);
  EXPECT_EQ(read_workflow(there, table).prompt.find("1")->inputs["text"], "a {b|c}");
}

// A text of --set is one that is typed into the editor, whatever stands before it.
TEST(DynamicText, AnAssignedTextIsRewrittenByTheSeedThatIsAssignedWithIt) {
  const WithTexts table;
  const auto text = [&](std::vector<std::string> assignments) {
    Prompt prompt = parse_prompt(parse_json(R"({"1": {"class_type": "Text", "inputs": {"text": ""}},
        "2": {"class_type": "Sample", "inputs": {"seed": 0}}, "3": {"class_type": "Save", "inputs": {"prefix": ""}}})"));
    assign(prompt, table, assignments);
    EXPECT_EQ(prompt.find("3")->inputs["prefix"], "{a|b}");
    return prompt.find("1")->inputs["text"].get<std::string>();
  };
  std::set<std::string> seen;
  for (int seed = 0; seed < 30; ++seed) {
    const std::string words = "1.text=a {red|green|blue} barn // c", number = "2.seed=" + std::to_string(seed);
    seen.insert(text({words, number, "3.prefix={a|b}"}));
    EXPECT_EQ(text({words, number, "3.prefix={a|b}"}), text({"3.prefix={a|b}", number, words}));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a red barn ", "a green barn ", "a blue barn "}));
}

}  // namespace
}  // namespace easel::workflow
