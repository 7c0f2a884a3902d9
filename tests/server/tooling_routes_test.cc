// What clients of the tooling nodes ask for: pictures by id, base models, uploads of models, workflows passed on.
#include <gtest/gtest.h>

#include <fstream>

#include "artifacts/exchange.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "server/test_server.h"
#include "support/tiny_models.h"

namespace easel::server {
namespace {

using testing::Answer;
using testing::get;
using testing::http;
using testing::Json;
using testing::post;
using testing::TestServer;

namespace fs = std::filesystem;

std::string png(uint8_t value) { return formats::encode_png(std::vector<uint8_t>(4 * 4 * 3, value), 4, 4, 3, {}, 1); }

TEST(ToolingRoutes, PicturesById) {
  TestServer t;
  EXPECT_EQ(get(t.port, "/api/etn/image/1a2b3c4d").status, 404);
  const Answer sent = http(t.port, "PUT", "/api/etn/image/1a2b3c4d", png(90));
  EXPECT_EQ(sent.status, 201);
  EXPECT_EQ(Json::parse(sent.body)["status"], "success");
  // An id stands for one picture: the first.
  const Answer again = http(t.port, "PUT", "/api/etn/image/1a2b3c4d", png(91));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(Json::parse(again.body)["status"], "cached");
  const Answer got = get(t.port, "/api/etn/image/1a2b3c4d");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.headers.at("content-type"), "image/png");
  EXPECT_EQ(got.body, png(90));
}

TEST(ToolingRoutes, OnlyPicturesUnderGoodIds) {
  TestServer t;
  for (const char* id : {"..", ".hidden", "a%2Fb", "a%20b", "%00", "-a"})
    EXPECT_GE(http(t.port, "PUT", std::string("/etn/image/") + id, png(1)).status, 400) << id;
  EXPECT_EQ(http(t.port, "PUT", "/etn/image/" + std::string(129, 'a'), png(1)).status, 400);
  EXPECT_EQ(http(t.port, "PUT", "/etn/image/page", "<html>").status, 400);
  EXPECT_EQ(http(t.port, "PUT", "/etn/image/nothing").status, 400);
  EXPECT_EQ(get(t.port, "/etn/image/page").status, 404);
  EXPECT_FALSE(fs::exists(t.folder.path() / "temp" / "exchange" / "page.picture"));
}

TEST(ToolingRoutes, TheTempFolderHasAQuotaToo) {
  TestServer t([](ServerOptions& o) { o.input_quota = png(1).size() + 1; });
  EXPECT_EQ(http(t.port, "PUT", "/etn/image/a", png(1)).status, 201);
  EXPECT_EQ(http(t.port, "PUT", "/etn/image/b", png(2)).status, 507);
}

TEST(ToolingRoutes, BaseModelsPageByPage) {
  TestServer t;
  const fs::path folder = t.folder.path() / "models" / "checkpoints";
  for (const char* name : {"v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors"})
    fs::create_symlink(easel::testing::tiny_models_dir() / "checkpoints" / name, folder / name);
  std::ofstream(folder / "broken.safetensors") << "no model";
  const Json all = Json::parse(get(t.port, "/api/etn/model_info/checkpoints").body);
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(all["v1-5-pruned-emaonly.safetensors"], (Json{{"base_model", "sd15"}, {"is_inpaint", false}}));
  EXPECT_EQ(all["sd_xl_base_1.0.safetensors"], (Json{{"base_model", "sdxl"}, {"is_inpaint", false}, {"type", "eps"}}));
  EXPECT_EQ(all["broken.safetensors"]["base_model"], "unknown");
  EXPECT_EQ(Json::parse(get(t.port, "/api/etn/model_info").body), all);

  Json together = Json::object();
  for (size_t offset = 0; offset < 3; offset += 2) {
    Json page = Json::parse(get(t.port, "/etn/model_info/checkpoints?limit=2&offset=" + std::to_string(offset)).body);
    EXPECT_EQ(page["_meta"], (Json{{"offset", offset}, {"count", offset == 0 ? 2 : 1}, {"total", 3}}));
    page.erase("_meta");
    together.update(page);
  }
  EXPECT_EQ(together, all);
  EXPECT_EQ(get(t.port, "/etn/model_info/no_such_folder").status, 400);
  EXPECT_EQ(get(t.port, "/etn/model_info/checkpoints?limit=-1").status, 400);
}

TEST(ToolingRoutes, ModelsAreUploadedWhole) {
  TestServer t;
  const fs::path folder = t.folder.path() / "models" / "checkpoints", file = t.folder.path() / "small.safetensors";
  TensorMap tensors;
  tensors.set("a", Tensor::zeros({2, 3}));
  formats::write_safetensors(file, tensors);
  const std::string bytes = read_file(file);
  EXPECT_EQ(http(t.port, "PUT", "/api/etn/upload/checkpoints/new%20one.safetensors", bytes).status, 201);
  EXPECT_EQ(read_file(folder / "new one.safetensors"), bytes);
  EXPECT_EQ(Json::parse(http(t.port, "PUT", "/etn/upload/checkpoints/new%20one.safetensors", bytes).body)["status"],
            "cached");
  for (const char* name : {"a.ckpt", "..%2Fa.safetensors", ".a.safetensors", "a..safetensors", "%C3%A9.safetensors"})
    EXPECT_EQ(http(t.port, "PUT", std::string("/etn/upload/checkpoints/") + name, bytes).status, 400) << name;
  EXPECT_GE(http(t.port, "PUT", "/etn/upload/checkpoints/cut.safetensors", bytes.substr(0, 20)).status, 400);
  EXPECT_FALSE(fs::exists(folder / "cut.safetensors"));
  EXPECT_EQ(http(t.port, "PUT", "/etn/upload/no_such_folder/a.safetensors", bytes).status, 400);
}

TEST(ToolingRoutes, TextsComeBackAsTheyAre) {
  TestServer t;
  EXPECT_EQ(get(t.port, "/api/etn/languages").body, "[]");
  EXPECT_EQ(Json::parse(get(t.port, "/api/etn/translate/de/ein%20Haus/am%20See").body), "ein Haus/am See");
}

TEST(ToolingRoutes, WorkflowsArePassedToSubscribers) {
  TestServer t;
  testing::RawSocket socket(t.port, "/ws?clientId=painter");
  EXPECT_EQ(
      post(t.port, "/api/etn/workflow/publish", R"({"name": "Web", "client_id": "w", "workflow": {"1": {}}})").status,
      200);
  EXPECT_EQ(post(t.port, "/api/etn/workflow/subscribe", R"({"client_id": "painter"})").status, 200);
  Json event = Json::object();
  while (event.value("type", "") != "etn_workflow_published") {
    const auto message = socket.next();
    ASSERT_TRUE(message);
    event = Json::parse(message->data);
  }
  EXPECT_EQ(event["data"],
            (Json{{"publisher", {{"name", "Web"}, {"id", "w"}}}, {"workflow", {{"1", Json::object()}}}}));
  EXPECT_EQ(post(t.port, "/api/etn/workflow/subscribe", R"({"client_id": "painter"})").status, 400);
  EXPECT_EQ(post(t.port, "/api/etn/workflow/unsubscribe", R"({"client_id": "painter"})").status, 200);
  EXPECT_EQ(post(t.port, "/api/etn/workflow/unsubscribe", R"({"client_id": "painter"})").status, 400);
  EXPECT_EQ(post(t.port, "/api/etn/workflow/publish", R"({"name": "Web", "client_id": "w"})").status, 400);
}

// What is kept for those who subscribe later is bounded, and reaches them.
TEST(ToolingRoutes, PublishedWorkflowsAreBounded) {
  TestServer t;
  const auto publish = [&](const std::string& client, size_t bytes) {
    const Json body = {{"name", "Web"}, {"client_id", client}, {"workflow", {{"1", std::string(bytes, 'x')}}}};
    return post(t.port, "/api/etn/workflow/publish", body.dump()).status;
  };
  EXPECT_EQ(publish("large", size_t{3} << 20), 400);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(publish("w" + std::to_string(i), size_t{1} << 20), 200);
  testing::RawSocket socket(t.port, "/ws?clientId=painter");
  EXPECT_EQ(post(t.port, "/api/etn/workflow/subscribe", R"({"client_id": "painter"})").status, 200);
  EXPECT_EQ(post(t.port, "/api/etn/workflow/publish", R"({"name": "Web", "client_id": "last", "workflow": {}})").status,
            200);
  int received = 0;
  for (std::string id; id != "last";) {
    const auto message = socket.next();
    ASSERT_TRUE(message) << "it was disconnected";
    // A long one comes in several frames, of which the first is enough to tell whose it is.
    if (!message->data.starts_with(R"({"type":"etn_workflow_published")")) continue;
    const size_t at = message->data.find(R"("id":")") + 6;
    id = message->data.substr(at, message->data.find('"', at) - at);
    ++received;
  }
  EXPECT_EQ(received, 6) << "five of 1 MiB, and the last";
}

}  // namespace
}  // namespace easel::server
