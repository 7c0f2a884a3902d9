// Encoders stop on request while they are at work on one picture, and give the same pixels for it.
#include <gtest/gtest.h>
#include <webp/encode.h>

#include <algorithm>
#include <functional>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/animation.h"
#include "formats/pictures/picture.h"

namespace easel::formats {
namespace {

Tensor drawn(int64_t height, int64_t width) {
  Tensor out(Shape{1, height, width, 3});
  uint32_t state = 5;
  for (int64_t i = 0; i < out.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    const int64_t x = i / 3 % width, y = i / 3 / width;
    out.f32()[i] = static_cast<float>((x * 3 + y * 5 + static_cast<int64_t>(state >> 28)) % 256) / 255.0f;
  }
  return out;
}

Tensor decoded(const std::string& file) {
  const Picture p = decode_picture({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
  EXPECT_EQ(p.warning, "");
  return p.rgb;
}

int64_t differing(const Tensor& a, const Tensor& b) {
  const Tensor x = contiguous(a), y = contiguous(b);
  int64_t out = 0;
  for (int64_t i = 0; i < x.numel(); ++i) out += x.f32()[i] != y.f32()[i];
  return out;
}

// Blocks of 16 rows are coded by themselves: those of a part of the picture are those of the whole, but for the rows
// whose colours are smoothed over the part's end.
TEST(EncoderStop, LargeJpegsInStripsHaveThePixelsOfTheirParts) {
  constexpr int64_t kHeight = 4215, kWidth = 2059, kCut = 1600, kNear = 2;
  const Tensor picture = drawn(kHeight, kWidth);
  const CancelScope scope(CancelToken{});
  const uint64_t before = cancel_polls();
  const Tensor whole = decoded(encode_jpeg(picture, 90));
  EXPECT_GE(cancel_polls() - before, 3u) << "8.7 megapixels are several strips";
  ASSERT_EQ(whole.shape(), (Shape{1, kHeight, kWidth, 3}));
  const Tensor above = decoded(encode_jpeg(contiguous(picture.slice(1, 0, kCut)), 90));
  EXPECT_EQ(differing(whole.slice(1, 0, kCut - kNear), above.slice(1, 0, kCut - kNear)), 0);
  const int64_t rest = kHeight - kCut;
  const Tensor below = decoded(encode_jpeg(contiguous(picture.slice(1, kCut, rest)), 90));
  EXPECT_EQ(differing(whole.slice(1, kCut + kNear, rest - kNear), below.slice(1, kNear, rest - kNear)), 0);
}

TEST(EncoderStop, WebpIsWhatTheLibraryMakesInOneCall) {
  const Tensor picture = drawn(301, 407);
  std::vector<uint8_t> bytes;
  for (const float v : picture.values()) bytes.push_back(static_cast<uint8_t>(v * 255.0f));
  uint8_t* data = nullptr;
  const size_t size = WebPEncodeRGB(bytes.data(), 407, 301, 407 * 3, 80.0f, &data);
  const std::string expected(reinterpret_cast<const char*>(data), size);
  WebPFree(data);
  const CancelScope scope(CancelToken{});
  const uint64_t before = cancel_polls();
  EXPECT_TRUE(encode_webp(picture, 80.0f) == expected);
  EXPECT_GE(cancel_polls() - before, 10u);
}

TEST(EncoderStop, OnRequest) {
  const Tensor picture = drawn(200, 300);
  for (const auto& encode : std::vector<std::function<void()>>{
           [&] { encode_jpeg(picture, 90); }, [&] { encode_webp(picture, 80.0f); },
           [&] { encode_animated_webp(picture, {}, {.frame_ms = 100, .lossless = true, .quality = 80, .method = 4}); },
           [&] { encode_png(picture); }}) {
    const CancelToken token;
    const CancelScope scope(token);
    token.cancel();
    try {
      encode();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kCancelled) << e.what();
    }
  }
}

// Each frame is looked into, not only the pauses between them.
TEST(EncoderStop, WithinAFrameOfAnAnimation) {
  const Tensor picture = drawn(256, 256);
  const CancelScope scope(CancelToken{});
  const uint64_t before = cancel_polls();
  encode_animated_webp(picture, {}, {.frame_ms = 100, .lossless = false, .quality = 80, .method = 4});
  EXPECT_GE(cancel_polls() - before, 10u);
}

TEST(EncoderStop, SidesThatTheFormatsLackAreRefused) {
  for (const auto& encode : std::vector<std::function<void()>>{[] {
                                                                 encode_jpeg(Tensor::zeros({1, 1, 65501, 3}), 90);
                                                               },
                                                               [] {
                                                                 encode_jpeg(Tensor::zeros({1, 65501, 1, 3}), 90);
                                                               },
                                                               [] {
                                                                 encode_webp(Tensor::zeros({1, 1, 16384, 3}), 80);
                                                               }})
    try {
      encode();
      ADD_FAILURE();
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kInvalid) << e.what();
      EXPECT_NE(e.message().find("pixels a side"), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace easel::formats
