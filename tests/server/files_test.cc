// Files that go in and come out: uploads, views, metadata.
#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/pictures/picture.h"
#include "formats/png/png.h"
#include "formats/tensors/safetensors.h"
#include "server/http/file_answers.h"
#include "server/jobs/run/preview_jpeg.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

using testing::get;
using testing::Json;
using testing::TempFolder;
using testing::TestServer;
using testing::upload;

namespace fs = std::filesystem;

// A picture of one colour.
std::string png(uint8_t r, uint8_t g, uint8_t b, int size = 6, int alpha = -1) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < size * size; ++i) {
    pixels.insert(pixels.end(), {r, g, b});
    if (alpha >= 0) pixels.push_back(static_cast<uint8_t>(alpha));
  }
  return formats::encode_png(pixels, size, size, alpha >= 0 ? 4 : 3, {{"prompt", "{}"}}, 1);
}

std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

TEST(FileAnswers, TypesByContent) {
  const auto type = [](const std::string& s) { return image_type(bytes_of(s)); };
  EXPECT_EQ(type(png(1, 2, 3)), "image/png");
  EXPECT_EQ(type("\xFF\xD8\xFF\xE0"), "image/jpeg");
  EXPECT_EQ(type("RIFF\x01\x02\x03\x04WEBPVP8 "), "image/webp");
  EXPECT_EQ(type("GIF89a"), "image/gif");
  for (const char* other : {"", "<svg", "RIFF1234WAVE", "%PDF-1.7", "BMxxxxxxxxxxxxxx", "\x89PN"})
    EXPECT_EQ(type(other), "") << other;
  EXPECT_EQ(disposition("inline", "a.png"), "inline; filename=\"a.png\"");
  EXPECT_EQ(disposition("inline", "a\"\r\n\xC3\xA9"), "inline; filename=\"a_____\"; filename*=UTF-8''a%22%0D%0A%C3%A9");
}

TEST(Preview, IsEnlargedAndKeepsItsShape) {
  const std::string jpeg = preview_jpeg({16, 8, std::vector<uint8_t>(16 * 8 * 3, 77)});
  const auto picture = formats::decode_raster(bytes_of(jpeg));
  EXPECT_EQ(picture.width, 256);
  EXPECT_EQ(picture.height, 128);
  EXPECT_NEAR(picture.rgb[5000], 77, 2);
  EXPECT_EQ(formats::decode_raster(bytes_of(preview_jpeg({300, 2, std::vector<uint8_t>(300 * 2 * 3)}))).width, 300);
  EXPECT_EQ(formats::decode_raster(bytes_of(preview_jpeg({1, 1, {1, 2, 3}}))).width, 256);
  EXPECT_THROW(preview_jpeg({2, 2, {1}}), Error);
  EXPECT_THROW(preview_jpeg({0, 0, {}}), Error);
}

TEST(Upload, SameContentOnceOtherContentBeside) {
  TestServer s;
  const auto name = [&](const std::string& content, const std::map<std::string, std::string>& fields = {}) {
    const auto answer = upload(s.port, "/upload/image", "a.png", content, fields);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Json::parse(answer.body);
  };
  EXPECT_EQ(name(png(1, 1, 1)), (Json{{"name", "a.png"}, {"subfolder", ""}, {"type", "input"}}));
  EXPECT_EQ(name(png(1, 1, 1))["name"], "a.png");
  EXPECT_EQ(name(png(2, 2, 2))["name"], "a (1).png");
  EXPECT_EQ(name(png(2, 2, 2))["name"], "a (1).png");
  EXPECT_EQ(name(png(3, 3, 3))["name"], "a (2).png");
  EXPECT_EQ(name(png(3, 3, 3), {{"overwrite", "true"}})["name"], "a.png");
  EXPECT_EQ(get(s.port, "/view?filename=a.png&type=input").body, png(3, 3, 3));
  EXPECT_EQ(name(png(1, 1, 1), {{"subfolder", "x/y"}, {"type", "temp"}}),
            (Json{{"name", "a.png"}, {"subfolder", "x/y"}, {"type", "temp"}}));
  EXPECT_EQ(get(s.port, "/view?filename=a.png&type=temp&subfolder=x/y").status, 200);
  EXPECT_EQ(get(s.port, "/internal/files/input").body.size(),
            std::string(R"(["a.png","a (1).png","a (2).png"])").size());
}

TEST(Upload, ManyAtOnceLoseNothing) {
  TestServer s;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> names;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      const auto answer = upload(s.port, "/upload/image", "a.png", png(static_cast<uint8_t>(i), 0, 0));
      std::lock_guard lock(mutex);
      names.insert(Json::parse(answer.body)["name"].get<std::string>());
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(names.size(), 16u);
}

TEST(Upload, MaskGivesItsAlphaInEitherSpelling) {
  TestServer s;
  upload(s.port, "/upload/image", "a.png", png(10, 20, 30));
  for (const char* field : {"original_ref", "originalRef"}) {
    const auto answer = upload(s.port, "/upload/mask", std::string(field) + ".png", png(0, 0, 0, 6, 99),
                               {{field, R"({"filename":"a.png","subfolder":"","type":"input"})"}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto stored = get(s.port, std::string("/view?type=input&filename=") + field + ".png").body;
    const auto raster = formats::decode_raster(bytes_of(stored));
    EXPECT_EQ(raster.rgb[0], 10);
    EXPECT_EQ(raster.rgb[2], 30);
    EXPECT_EQ(raster.alpha.at(0), 99);
    EXPECT_EQ(formats::read_png_head(bytes_of(stored)).text.at("prompt"), "{}");
  }
  EXPECT_EQ(upload(s.port, "/upload/mask", "m.png", png(0, 0, 0, 7, 99),
                   {{"original_ref", R"({"filename":"a.png [input]"})"}})
                .status,
            400);  // another size
}

TEST(View, PreviewsAndChannels) {
  TestServer s;
  upload(s.port, "/upload/image", "a.png", png(200, 100, 50, 16, 40));
  const std::string at = "/view?filename=a.png&type=input";
  const auto webp = get(s.port, at + "&preview=webp;90");
  EXPECT_EQ(webp.headers.at("content-type"), "image/webp");
  EXPECT_EQ(formats::decode_raster(bytes_of(webp.body)).width, 16);
  const auto jpeg = get(s.port, at + "&preview=jpeg");
  EXPECT_EQ(jpeg.headers.at("content-type"), "image/jpeg");
  EXPECT_NEAR(formats::decode_raster(bytes_of(jpeg.body)).rgb[0], 200, 6);
  const auto rgb = formats::decode_raster(bytes_of(get(s.port, at + "&channel=rgb").body));
  EXPECT_FALSE(rgb.has_alpha_channel);
  EXPECT_EQ(rgb.rgb[1], 100);
  const auto alpha = formats::decode_raster(bytes_of(get(s.port, at + "&channel=a").body));
  EXPECT_EQ(alpha.rgb[0], 0);
  EXPECT_EQ(alpha.alpha.at(0), 40);
  const auto whole = get(s.port, at);
  EXPECT_EQ(whole.body, png(200, 100, 50, 16, 40));
  EXPECT_EQ(testing::http(s.port, "GET", at, {}, "If-None-Match: " + whole.headers.at("etag") + "\r\n").status, 304);
  const auto head = testing::http(s.port, "HEAD", at);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(whole.body.size()));
  EXPECT_TRUE(head.body.empty());
}

TEST(View, MetadataOfModelFiles) {
  TestServer s;
  const fs::path folder = s.folder.path() / "models" / "checkpoints";
  TensorMap tensors;
  tensors.set("x", Tensor::of({2}, {1.0f, 2.0f}));
  formats::write_safetensors(folder / "with.safetensors", tensors, {{"title", "a model"}});
  formats::write_safetensors(folder / "without.safetensors", tensors);
  const std::string at = "/view_metadata/checkpoints?filename=";
  EXPECT_EQ(get(s.port, at + "with.safetensors").body, R"({"title":"a model"})");
  EXPECT_EQ(get(s.port, at + "without.safetensors").status, 404);
  EXPECT_EQ(get(s.port, at + "none.safetensors").status, 404);
  EXPECT_EQ(get(s.port, "/models/checkpoints").body, R"(["with.safetensors","without.safetensors"])");
}

}  // namespace
}  // namespace easel::server
