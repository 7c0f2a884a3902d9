// Files as people have them: which form of a picture is taken, what is left out, and what a folder of them lacks.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "command.h"
#include "formats/pictures/picture.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

class Files : public ::testing::Test {
 protected:
  Files() { formats::save_png(place_.folder() / "input" / "a.png", picture()); }
  static Tensor picture() { return Tensor::full({1, 8, 16, 3}, 0.25f); }

  // LoadImage, ImageScale to `width`, and an output of `type`.
  static Json prompt(int width, const char* type = "SaveImage") {
    Json out = workflow::parse_json(R"({
      "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": "bilinear", "width": 0,
            "height": 24, "crop": "disabled"}},
      "3": {"class_type": "", "inputs": {"images": ["2", 0]}}})");
    out["2"]["inputs"]["width"] = width;
    out["3"]["class_type"] = type;
    return out;
  }
  static Json graph(int width) {
    Json out = workflow::parse_json(R"({"version": 0.4, "nodes": [
      {"id": 1, "type": "LoadImage", "widgets_values": ["a.png", "image"]},
      {"id": 2, "type": "ImageScale", "inputs": [{"name": "image", "type": "IMAGE", "link": 1}],
       "widgets_values": ["bilinear", 0, 24, "disabled"]},
      {"id": 3, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 2}],
       "widgets_values": ["ComfyUI"]}],
      "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]})");
    out["nodes"][1]["widgets_values"][1] = width;
    return out;
  }
  void put_picture(const std::string& name, const Json& prompt, const Json& graph) {
    std::vector<std::pair<std::string, std::string>> text;
    if (!prompt.is_null()) text.emplace_back("prompt", prompt.dump());
    if (!graph.is_null()) text.emplace_back("workflow", graph.dump());
    formats::save_png(place_.folder() / name, picture(), text);
  }
  int width_of(const testing::Workplace::Result& result) {
    const std::string path = result.out.substr(0, result.out.find('\n'));
    return static_cast<int>(formats::load_picture(place_.folder() / path).width);
  }
  testing::Workplace place_{"files"};
};

TEST_F(Files, OfAPicturesTwoFormsThePromptIsTakenUnlessOnlyTheGraphCanBeRun) {
  put_picture("both.png", prompt(32), graph(40));
  EXPECT_EQ(width_of(place_.run({"run", "both.png"})), 32);
  EXPECT_EQ(width_of(place_.run({"run", "both.png", "--form", "prompt"})), 32);
  EXPECT_EQ(width_of(place_.run({"run", "both.png", "--form", "graph"})), 40);

  put_picture("old.png", prompt(32, "SaveImageOfAnotherTime"), graph(40));
  const auto taken = place_.run({"run", "old.png"});
  EXPECT_EQ(width_of(taken), 40);
  EXPECT_NE(taken.err.find("its graph is taken"), std::string::npos) << taken.err;
  const auto asked = place_.run({"run", "old.png", "--form", "prompt"});
  EXPECT_EQ(asked.code, 3);
  EXPECT_NE(asked.err.find("SaveImageOfAnotherTime does not exist"), std::string::npos) << asked.err;

  // When both are refused, the prompt's faults are told.
  Json broken = graph(40);
  broken["nodes"][0]["type"] = "LoadImageOfAnotherTime";
  put_picture("neither.png", prompt(32, "SaveImageOfAnotherTime"), broken);
  const auto refused = place_.run({"run", "neither.png"});
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("SaveImageOfAnotherTime"), std::string::npos) << refused.err;

  put_picture("one.png", prompt(32), nullptr);
  const auto lacking = place_.run({"run", "one.png", "--form", "graph"});
  EXPECT_EQ(lacking.code, 3);
  EXPECT_NE(lacking.err.find("holds no graph"), std::string::npos) << lacking.err;
}

TEST_F(Files, ADamagedPromptGivesWayToTheGraph) {
  formats::save_png(place_.folder() / "a.png", picture(), {{"prompt", "{\"1\": 3}"}, {"workflow", graph(40).dump()}});
  formats::save_png(place_.folder() / "b.png", picture(), {{"prompt", "{cut"}, {"workflow", graph(40).dump()}});
  formats::save_png(place_.folder() / "c.png", picture(), {{"prompt", prompt(32).dump()}, {"workflow", "{cut"}});
  EXPECT_EQ(width_of(place_.run({"run", "a.png"})), 40);
  EXPECT_EQ(width_of(place_.run({"run", "b.png"})), 40);
  EXPECT_EQ(width_of(place_.run({"run", "c.png"})), 32);
}

TEST_F(Files, OutputsThatCannotBeRunAreLeftOutByName) {
  Json flow = prompt(32);
  flow["9"] = {{"class_type", "SaveImage"}, {"inputs", {{"filename_prefix", "other"}}}};
  place_.put("flow.json", flow.dump());
  const auto result = place_.run({"run", "flow.json"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out, "output/ComfyUI_00001_.png\n");
  EXPECT_NE(result.err.find("node 9: is left out. Required input is missing: images"), std::string::npos) << result.err;
  const auto dry = place_.run({"run", "flow.json", "--dry-run"});
  EXPECT_EQ(dry.code, 0);
  EXPECT_NE(dry.err.find("node 9: is left out"), std::string::npos) << dry.err;
  flow["3"]["inputs"].erase("images");
  place_.put("flow.json", flow.dump());
  EXPECT_EQ(place_.run({"run", "flow.json"}).code, 3);
}

TEST_F(Files, APreviewsPathIsPrintedWhenNothingIsSaved) {
  place_.put("flow.json", prompt(32, "PreviewImage").dump());
  const auto result = place_.run({"run", "flow.json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("output/temp/"), std::string::npos) << result.out;
  EXPECT_EQ(width_of(result), 32);
}

TEST_F(Files, ConvertTakesWhatServicesWrapAndRefusesTheRest) {
  const Json inner = prompt(32);
  const auto converted = [&](const Json& file, const char* to) {
    place_.put("flow.json", file.dump());
    const auto result = place_.run({"convert", "flow.json", "--to", to});
    EXPECT_EQ(result.code, 0) << result.err;
    return nlohmann::json(workflow::parse_json(result.out));
  };
  for (const Json& file : {Json{{"input", {{"workflow", inner}}}}, Json{{"prompt", inner}}, Json{{"output", inner}},
                           Json{{"input", {{"prompt", inner}, {"images", Json::array()}}}},
                           Json{{"workflow", graph(40)}, {"output", inner}}, Json{{"prompt", inner.dump()}}})
    EXPECT_EQ(converted(file, "prompt"), nlohmann::json(inner)) << file.dump();
  EXPECT_EQ(converted(Json{{"input", {{"workflow", graph(40)}}}}, "prompt")["2"]["inputs"]["width"], 40);
  for (const char* file : {R"({"input": {"text": "a barn"}})", R"({"name": "easel", "version": "1"})", R"([1])",
                           R"({"input": {"workflow": {"input": {"workflow": {"input": {"workflow": 3}}}}}})"}) {
    place_.put("flow.json", file);
    const auto result = place_.run({"convert", "flow.json"});
    EXPECT_EQ(result.code, 3) << file;
    EXPECT_TRUE(result.out.empty()) << result.out;
  }
  // A picture that is not named does not come back as the button's own value.
  Json unnamed = inner;
  unnamed["1"]["inputs"].erase("image");
  place_.put("flow.json", unnamed.dump());
  ASSERT_EQ(place_.run({"convert", "flow.json", "-o", "graph.json"}).code, 0);
  EXPECT_NE(place_.get("graph.json").find("LoadImage"), std::string::npos);
  const auto back = place_.run({"convert", "graph.json"});
  EXPECT_EQ(back.out.find("\"image\": \"image\""), std::string::npos) << back.out;
}

TEST_F(Files, AFolderOfWorkflowsSaysWhatRunsAndWhatOthersLack) {
  fs::create_directories(place_.folder() / "flows" / "deep");
  const auto lacking = [](std::vector<std::string> classes) {
    Json out = prompt(32);
    for (size_t i = 0; i < classes.size(); ++i)
      out["x" + std::to_string(i)] = {{"class_type", classes[i]}, {"inputs", Json::object()}};
    return out.dump();
  };
  place_.put("flows/runs.json", prompt(32).dump());
  place_.put("flows/graph.json", graph(32).dump());
  put_picture("flows/deep/picture.PNG", prompt(32, "Old"), graph(32));
  place_.put("flows/one.json", lacking({"Alpha"}));
  place_.put("flows/two.json", lacking({"Alpha", "Beta"}));
  place_.put("flows/three.json", lacking({"Gamma", "Beta"}));
  Json file = prompt(32);
  file["1"]["inputs"]["image"] = "gone.png";
  place_.put("flows/file.json", file.dump());
  Json both = prompt(-3);
  both["1"]["inputs"]["image"] = "gone.png";
  place_.put("flows/both.json", both.dump());
  Json wrong = prompt(-3);
  place_.put("flows/wrong.json", wrong.dump());
  Json part = prompt(32);
  part["9"] = {{"class_type", "SaveImage"}, {"inputs", Json::object()}};
  place_.put("flows/part.json", part.dump());
  part["1"]["inputs"]["image"] = "gone.png";  // with the file it would run in part
  place_.put("flows/part_file.json", part.dump());
  // What must not stop it.
  place_.put("flows/package.json", R"({"name": "x", "version": "1.0"})");
  place_.put("flows/cut.json", R"({"nodes": [{"id")");
  place_.put("flows/deep.json", std::string(100000, '['));
  place_.put("flows/cut.png", "\x89PNG\r\n\x1a\n");
  place_.put("flows/empty.webp", "");
  place_.put("flows/notes.txt", "no workflow");
  ASSERT_EQ(mkfifo((place_.folder() / "flows" / "pipe.json").c_str(), 0600), 0);
  fs::create_directory_symlink(place_.folder() / "flows", place_.folder() / "flows" / "loop");
  fs::create_symlink("/dev/zero", place_.folder() / "flows" / "zero.json");

  const auto result = place_.run({"workflows", "flows", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json report = workflow::parse_json(result.out);
  std::map<std::string, std::string> standing;
  for (const Json& row : report["workflows"]) standing[row["file"]] = row["standing"];
  EXPECT_EQ(standing, (std::map<std::string, std::string>{{"runs.json", "runs"},
                                                          {"graph.json", "runs"},
                                                          {"deep/picture.PNG", "runs"},
                                                          {"one.json", "lacks nodes"},
                                                          {"two.json", "lacks nodes"},
                                                          {"three.json", "lacks nodes"},
                                                          {"file.json", "lacks files"},
                                                          {"wrong.json", "not valid"},
                                                          {"both.json", "not valid"},
                                                          {"part.json", "runs in part"},
                                                          {"part_file.json", "lacks files"},
                                                          {"package.json", "no workflow"},
                                                          {"cut.json", "no workflow"},
                                                          {"deep.json", "no workflow"},
                                                          {"cut.png", "unreadable"},
                                                          {"empty.webp", "no workflow"}}));
  EXPECT_EQ(report["helpful_nodes"].dump(),
            R"([{"node":"Alpha","workflows":2,"completes":1},{"node":"Beta","workflows":2,"completes":1},)"
            R"({"node":"Gamma","workflows":1,"completes":1}])");
  const auto people = place_.run({"workflows", "flows"});
  EXPECT_EQ(people.code, 0);
  EXPECT_NE(people.out.find("lacks files   file.json: image: gone.png\n"), std::string::npos) << people.out;
  EXPECT_NE(people.out.find("not valid     both.json: files: image: gone.png; node 2 (ImageScale): "),
            std::string::npos)
      << people.out;
  EXPECT_NE(people.out.find("lacks nodes   two.json: Alpha, Beta\n"), std::string::npos) << people.out;
  EXPECT_NE(people.out.find("Alpha"), std::string::npos);
  EXPECT_EQ(place_.run({"workflows", "nowhere"}).code, 4);
  EXPECT_EQ(place_.run({"workflows", "flows", "--models", "nowhere"}).code, 0);
}

}  // namespace
}  // namespace easel::cli
