// What the page asks about models and prompts, and the deletion of pictures.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "formats/pictures/picture.h"
#include "server/test_server.h"
#include "techniques/catalogue.h"

namespace easel::server {
namespace {

using testing::Answer;
using testing::get;
using testing::Json;
using testing::post;
using testing::TestServer;

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string png() { return formats::encode_png(std::vector<uint8_t>(4 * 4 * 3, 90), 4, 4, 3, {}, 1); }

TEST(LibraryRoutes, TellWhatEachFileIs) {
  TestServer t;
  const fs::path models = t.folder.path() / "models" / "checkpoints";
  write(models / "broken.safetensors", "no model");
  write(models / "broken.preview.png", png());
  write(models / "other.safetensors", "no model either");
  const Json files = Json::parse(get(t.port, "/easel/models").body);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0]["folder"], "checkpoints");
  EXPECT_EQ(files[0]["name"], "broken.safetensors");
  EXPECT_NE(files[0]["problem"], "");
  EXPECT_EQ(files[0]["picture"], true);
  EXPECT_EQ(files[1]["picture"], false);

  const Answer picture = get(t.port, "/easel/models/picture?folder=checkpoints&filename=broken.safetensors");
  EXPECT_EQ(picture.status, 200);
  EXPECT_EQ(picture.body, png());
  for (const char* bad :
       {"folder=checkpoints&filename=other.safetensors", "folder=checkpoints&filename=../x", "folder=no", ""})
    EXPECT_EQ(get(t.port, std::string("/easel/models/picture?") + bad).status, 404) << bad;
}

// The network thread and the other routes do not wait for a folder to be read.
TEST(LibraryRoutes, AHundredThousandFiles) {
  TestServer t;
  const fs::path folder = t.folder.path() / "models" / "checkpoints";
  constexpr int kFiles = 100000, kFolders = 100;
  for (int i = 0; i < kFiles; ++i) {
    const fs::path sub = folder / std::to_string(i % kFolders);
    if (i < kFolders) fs::create_directories(sub);
    const int file = ::open((sub / (std::to_string(i) + ".safetensors")).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ASSERT_GE(file, 0);
    ::close(file);
  }
  std::atomic<bool> listed{false};
  std::vector<std::thread> askers;
  for (int i = 0; i < 6; ++i)
    askers.emplace_back([&] {
      EXPECT_EQ(Json::parse(get(t.port, "/models/checkpoints").body).size(), size_t{kFiles});
      listed = true;
    });
  int meanwhile = 0;  // answers that came before the first list
  while (!listed) {
    EXPECT_EQ(get(t.port, "/queue").status, 200);
    meanwhile += !listed;
  }
  for (auto& asker : askers) asker.join();
  EXPECT_GE(meanwhile, 3);
}

TEST(LibraryRoutes, AFileIsDescribedAnewWhenItChanges) {
  testing::TempFolder folder;
  write(folder.path() / "checkpoints" / "a.safetensors", "no model");
  const library::Folders folders(folder.path());
  techniques::Catalogue catalogue(folders);
  const std::string before = catalogue.files()[0]["problem"];
  EXPECT_EQ(catalogue.files()[0]["problem"], before);
  write(folder.path() / "checkpoints" / "a.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_NE(catalogue.files()[0]["problem"], before);
}

TEST(LibraryRoutes, TellWhichPicturesAreRead) {
  TestServer t;
  const Json listed = Json::parse(get(t.port, "/easel/picture_formats").body);
  ASSERT_GE(listed.size(), 4u);
  EXPECT_EQ(listed[0], Json::parse(R"({"name": "PNG", "mime": "image/png", "endings": [".png", ".apng"]})"));
  std::string names;
  for (const Json& format : listed) names += (names.empty() ? "" : ", ") + format["name"].get<std::string>();
  EXPECT_EQ(names, formats::readable_formats());
}

TEST(LibraryRoutes, TellWhichInputsHoldWords) {
  TestServer t;
  EXPECT_EQ(Json::parse(get(t.port, "/easel/prompt_texts").body), Json::parse(R"({"Text": ["text"]})"));
  const Json text = Json::parse(get(t.port, "/object_info/Text").body)["Text"]["input"]["required"]["text"];
  EXPECT_EQ(text[1]["prompt_text"], true);
}

TEST(LibraryRoutes, CountTokensByChunk) {
  TestServer t;
  const auto chunks = [&](const std::string& text) {
    return Json::parse(post(t.port, "/easel/tokens", Json{{"text", text}}.dump()).body)["chunks"];
  };
  EXPECT_EQ(chunks(""), Json::array({0}));
  EXPECT_EQ(chunks("a photo of a cat"), Json::array({5}));
  EXPECT_EQ(chunks("a photo of a (cat:1.3), sitting"), Json::array({7}));
  std::string words;
  for (int i = 0; i < 80; ++i) words += "cat ";
  EXPECT_EQ(chunks(words), Json::array({75, 5}));
  EXPECT_EQ(post(t.port, "/easel/tokens", "{}").status, 400);
  EXPECT_EQ(post(t.port, "/easel/tokens", R"({"text": 3})").status, 400);
}

TEST(LibraryRoutes, DeletePicturesThatWereMadeHere) {
  TestServer t;
  const fs::path output = t.folder.path() / "output";
  const fs::path input = t.folder.path() / "input";
  for (const char* name : {"a.png", "b.png", "sub/c.png"}) write(output / name, png());
  write(output / "latent.latent", "not a picture");
  write(input / "mine.png", png());
  write(t.folder.path() / "outside.png", png());
  const auto remove = [&](const Json& images) {
    return post(t.port, "/easel/pictures/delete", Json{{"images", images}}.dump());
  };
  const auto image = [](const char* name, const char* type = "output", const char* subfolder = "") {
    return Json{{"filename", name}, {"subfolder", subfolder}, {"type", type}};
  };
  // One that may not be deleted, and none is.
  EXPECT_EQ(remove({image("a.png"), image("mine.png", "input")}).status, 400);
  EXPECT_EQ(remove({image("a.png"), image("latent.latent")}).status, 400);
  EXPECT_EQ(remove({image("a.png"), image("../outside.png")}).status, 400);
  EXPECT_EQ(remove({image("a.png"), image("x", "output", "..")}).status, 400);
  EXPECT_EQ(remove(Json::array({3})).status, 400);
  EXPECT_EQ(post(t.port, "/easel/pictures/delete", "{}").status, 400);
  EXPECT_TRUE(fs::exists(output / "a.png"));

  const Answer answer = remove({image("a.png"), image("c.png", "output", "sub"), image("gone.png")});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body)["deleted"], 2);
  EXPECT_FALSE(fs::exists(output / "a.png"));
  EXPECT_FALSE(fs::exists(output / "sub" / "c.png"));
  EXPECT_TRUE(fs::exists(output / "b.png"));
  EXPECT_TRUE(fs::exists(input / "mine.png"));
  EXPECT_TRUE(fs::exists(t.folder.path() / "outside.png"));
}

}  // namespace
}  // namespace easel::server
