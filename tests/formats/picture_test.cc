#include "formats/pictures/picture.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <cmath>
#include <random>

#include "base/sha256.h"
#include "formats/picture_samples.h"
#include "formats/temp_files.h"
#include "formats/torch_samples.h"
#include "support/golden.h"

namespace easel::formats {
namespace {

using testing::build_exif;
using testing::build_png;
using testing::from_hex;
using testing::png_chunk;

std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

Picture decode(const std::string& content) { return decode_picture(bytes_of(content)); }

std::string error_of(const std::string& content) {
  std::string messages[2];
  for (int i = 0; i < 2; ++i) try {
      if (i == 0) decode_picture(bytes_of(content));
      else inspect_picture(bytes_of(content));
    } catch (const Error& e) {
      EXPECT_TRUE(e.fault() == Fault::kBadFile || e.fault() == Fault::kUnsupported);
      messages[i] = e.message();
    }
  return messages[0];
}

// The values as 8-bit numbers, which they must be exactly.
std::vector<int> eighths(const Tensor& t) {
  std::vector<int> out;
  for (float v : t.values()) {
    out.push_back(static_cast<int>(std::lround(v * 255.0f)));
    EXPECT_EQ(v, static_cast<float>(out.back()) / 255.0f);
  }
  return out;
}

using Ints = std::vector<int>;

TEST(Picture, PngColoursAndAlpha) {
  const Picture rgb = decode(build_png(2, 1, 8, 2, std::string("\0\x01\x02\x03\xff\x80\x00", 7)));
  EXPECT_EQ(rgb.format, PictureFormat::kPng);
  EXPECT_EQ(rgb.rgb.shape(), (Shape{1, 1, 2, 3}));
  EXPECT_EQ(eighths(rgb.rgb), (Ints{1, 2, 3, 255, 128, 0}));
  EXPECT_EQ(rgb.mask.shape(), (Shape{1, 64, 64}));
  EXPECT_EQ(testing::max_difference(rgb.mask, Tensor::zeros({1, 64, 64})), 0.0);
  EXPECT_EQ(eighths(rgb.alpha), (Ints{255, 255}));

  const Picture rgba = decode(build_png(2, 1, 8, 6, std::string("\0\x01\x02\x03\xff\x04\x05\x06\x33", 9)));
  EXPECT_EQ(eighths(rgba.rgb), (Ints{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(rgba.mask.shape(), (Shape{1, 1, 2}));
  EXPECT_EQ(rgba.mask.values()[0], 0.0f);
  EXPECT_EQ(rgba.mask.values()[1], 1.0f - 51.0f / 255.0f);
  EXPECT_EQ(eighths(rgba.alpha), (Ints{255, 51}));

  const Picture grey_alpha = decode(build_png(1, 2, 8, 4, std::string("\0\x07\x00\x00\x09\xff", 6)));
  EXPECT_EQ(eighths(grey_alpha.rgb), (Ints{7, 7, 7, 9, 9, 9}));
  EXPECT_EQ(eighths(grey_alpha.alpha), (Ints{0, 255}));
  EXPECT_EQ(grey_alpha.mask.shape(), (Shape{1, 2, 1}));
}

TEST(Picture, PngDepths) {
  EXPECT_EQ(eighths(decode(build_png(3, 1, 1, 0, std::string("\0\xa0", 2))).alpha), (Ints{255, 255, 255}));
  EXPECT_EQ(eighths(decode(build_png(2, 1, 1, 0, std::string("\0\x40", 2))).rgb), (Ints{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(eighths(decode(build_png(2, 1, 2, 0, std::string("\0\x60", 2))).rgb), (Ints{85, 85, 85, 170, 170, 170}));
  EXPECT_EQ(eighths(decode(build_png(2, 1, 4, 0, std::string("\0\x1f", 2))).rgb), (Ints{17, 17, 17, 255, 255, 255}));
  // 16 bits: the high byte, but for grey the reference divides by 255 and clips.
  EXPECT_EQ(eighths(decode(build_png(1, 1, 16, 2, std::string("\0\x12\xff\x34\x00\x56\x80", 7))).rgb),
            (Ints{0x12, 0x34, 0x56}));
  EXPECT_EQ(eighths(decode(build_png(3, 1, 16, 0, std::string("\0\x00\xfe\x80\x00\xff\xff", 7))).rgb),
            (Ints{0, 0, 0, 128, 128, 128, 255, 255, 255}));
  const Picture wide = decode(build_png(1, 1, 16, 6, std::string("\0\x12\xff\x34\x00\x56\x80\xc0\x01", 9)));
  EXPECT_EQ(eighths(wide.alpha), (Ints{0xc0}));
}

TEST(Picture, PngPalettesAndDeclaredTransparency) {
  const std::string palette = png_chunk("PLTE", std::string("\x0a\x0b\x0c\x14\x15\x16", 6));
  const std::string rows("\0\0\1", 3);
  const Picture plain = decode(build_png(2, 1, 8, 3, rows, palette));
  EXPECT_EQ(eighths(plain.rgb), (Ints{10, 11, 12, 20, 21, 22}));
  EXPECT_EQ(plain.mask.shape(), (Shape{1, 64, 64}));
  const Picture clear = decode(build_png(2, 1, 8, 3, rows, palette + png_chunk("tRNS", std::string("\0", 1))));
  EXPECT_EQ(eighths(clear.alpha), (Ints{0, 255}));
  EXPECT_EQ(clear.mask.shape(), (Shape{1, 1, 2}));
  // A colour declared transparent is no alpha channel for LoadImage, but LoadImageMask sees it.
  const Picture keyed =
      decode(build_png(2, 1, 8, 0, std::string("\0\x05\x06", 3), png_chunk("tRNS", std::string("\0\x05", 2))));
  EXPECT_EQ(eighths(keyed.alpha), (Ints{0, 255}));
  EXPECT_EQ(keyed.mask.shape(), (Shape{1, 64, 64}));
}

TEST(Picture, PngInterlaced) {
  // Two by two in Adam7: the first pixel in pass 1, the one to its right in pass 6, the row below in 7.
  const std::string rows("\0\x01\0\x02\0\x03\x04", 7);
  EXPECT_EQ(eighths(decode(build_png(2, 2, 8, 0, rows, {}, 1)).rgb), (Ints{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}));
}

TEST(Picture, OrientationIsHonoured) {
  // Stored: 1 2 3 / 4 5 6.
  const Ints upright[] = {{},
                          {1, 2, 3, 4, 5, 6},
                          {3, 2, 1, 6, 5, 4},
                          {6, 5, 4, 3, 2, 1},
                          {4, 5, 6, 1, 2, 3},
                          {1, 4, 2, 5, 3, 6},
                          {4, 1, 5, 2, 6, 3},
                          {6, 3, 5, 2, 4, 1},
                          {3, 6, 2, 5, 1, 4}};
  for (int o = 1; o <= 8; ++o)
    for (const bool little : {false, true}) {
      const std::string file =
          build_png(3, 2, 8, 0, std::string("\0\1\2\3\0\4\5\6", 8), png_chunk("eXIf", build_exif(o, "", little)));
      const Picture p = decode(file);
      EXPECT_EQ(p.width, o < 5 ? 3 : 2);
      EXPECT_EQ(p.rgb.shape(), (Shape{1, p.height, p.width, 3}));
      Ints got;
      for (int64_t i = 0; i < 6; ++i) got.push_back(static_cast<int>(std::lround(p.rgb.f32()[3 * i] * 255)));
      EXPECT_EQ(got, upright[o]) << o;
      EXPECT_EQ(inspect_picture(bytes_of(file)).width, p.width);
    }
}

TEST(Picture, TextOfEveryKind) {
  const std::string text = png_chunk("tEXt", std::string("prompt\0{\"1\": {}}", 16)) +
                           png_chunk("tEXt", std::string("latin\0caf\xe9", 10)) +
                           png_chunk("zTXt", std::string("z\0\0", 3) + testing::deflated("squeezed")) +
                           png_chunk("iTXt", std::string("title\0\0\0\0\0caf\xc3\xa9", 15));
  const std::string after = png_chunk("tEXt", std::string("late\0x", 6));
  std::string file = build_png(1, 1, 8, 0, std::string("\0\0", 2), text);
  file.insert(file.size() - 12, after);
  const PictureText expected = {
      {"prompt", "{\"1\": {}}"}, {"latin", "café"}, {"z", "squeezed"}, {"title", "café"}, {"late", "x"}};
  EXPECT_EQ(decode(file).text, expected);
  EXPECT_EQ(inspect_picture(bytes_of(file)).text, expected);
}

TEST(Picture, PngRoundTrip) {
  const Tensor image =
      Tensor::of({1, 1, 3, 3}, {0.0f, 0.5f, 1.0f, -3.0f, 2.0f, 0.9999f, NAN, 100.0f / 255.0f, 0.00393f});
  const TextChunks text = {{"prompt", R"({"1": {"inputs": {}}})"}, {"workflow", "{\"name\": \"東京\"}"}};
  const std::string file = encode_png(image, text);
  const Picture p = decode(file);
  EXPECT_EQ(eighths(p.rgb), (Ints{0, 127, 255, 0, 255, 254, 0, 100, 1}));
  EXPECT_EQ(p.text, (PictureText(text.begin(), text.end())));
  EXPECT_NE(file.find("tEXtprompt"), std::string::npos);
  EXPECT_NE(file.find("iTXtworkflow"), std::string::npos);

  EXPECT_EQ(eighths(decode(encode_png(Tensor::of({1, 2}, {0.0f, 1.0f}))).rgb), (Ints{0, 0, 0, 255, 255, 255}));
  const Picture rgba = decode(encode_png(Tensor::of({1, 1, 4}, {0.0f, 1.0f, 0.0f, 0.4f})));
  EXPECT_EQ(eighths(rgba.alpha), (Ints{102}));
  EXPECT_THROW(encode_png(Tensor::zeros({2, 4, 4, 3})), Error);
  EXPECT_THROW(encode_png(Tensor::zeros({4, 4, 2})), Error);
  EXPECT_THROW(encode_png(Tensor()), Error);

  testing::TempFolder folder;
  save_png(folder.path() / "a.png", image);
  EXPECT_EQ(load_picture(folder.path() / "a.png").width, 3);
}

TEST(Picture, JpegPixelsAreThoseOfPil) {
  const Picture p = decode(from_hex(testing::kColourJpegHex));
  EXPECT_EQ(p.format, PictureFormat::kJpeg);
  EXPECT_EQ(p.rgb.shape(), (Shape{1, 8, 16, 3}));
  const Ints all = eighths(p.rgb);
  const auto row = [&](size_t y) {
    return Ints(all.begin() + static_cast<ptrdiff_t>(y * 48), all.begin() + static_cast<ptrdiff_t>(y * 48 + 12));
  };
  EXPECT_EQ(row(0), (Ints{0, 9, 8, 2, 12, 61, 29, 5, 153, 45, 4, 144}));
  EXPECT_EQ(row(5), (Ints{0, 136, 58, 2, 152, 91, 34, 163, 135, 49, 158, 127}));
  int sums[3] = {};
  for (size_t i = 0; i < all.size(); ++i) sums[i % 3] += all[i];
  EXPECT_EQ(sums[0], 15426);
  EXPECT_EQ(sums[1], 13447);
  EXPECT_EQ(sums[2], 12908);

  const Ints cmyk = eighths(decode(from_hex(testing::kCmykJpegHex)).rgb);
  EXPECT_EQ(Ints(cmyk.begin(), cmyk.begin() + 12), (Ints{4, 0, 0, 18, 0, 33, 37, 0, 182, 52, 0, 184}));
}

// Digests of what PIL 9.4 with libjpeg-turbo 2.1 makes of the reference pictures.
TEST(Picture, ReferencePicturesAreDecodedExactly) {
  EASEL_NEEDS_SHARED();
  const std::pair<const char*, const char*> pictures[] = {
      {"cwf_budapest.jpg", "c9f7249ec7d891c46bfbebd25cdcd18cef5653b48d2767099e81eda80d2d0d17"},
      {"cwf_iceberg.jpg", "f35205ece46a3392c13070c221e4be86e442912741d572c8a89e6da7f5f8485e"},
      {"cwf_marble_statue.jpg", "9b233ed15cab3c63d49e2fa925fc0eae754d15794ba9485a8205cb795233ccc0"},
      {"cwf_portrait.jpg", "ea6a87b4b916c7ed9355b12dbbb497bbbb821c55af371a9eede93af8d2f0e7a0"}};
  for (const auto& [name, digest] : pictures) {
    const Ints values = eighths(load_picture(testing::shared_dir() / "input" / name).rgb);
    EXPECT_EQ(sha256_hex(std::string(values.begin(), values.end())), digest) << name;
  }
}

TEST(Picture, JpegOrientationAndEncoding) {
  std::string file = from_hex(testing::kColourJpegHex);
  std::string segment("\xff\xe1", 2);
  const std::string exif = std::string("Exif\0\0", 6) + build_exif(6);
  testing::put_be(segment, exif.size() + 2, 2);
  file.insert(2, segment + exif);
  EXPECT_EQ(decode(file).width, 8);
  EXPECT_EQ(inspect_picture(bytes_of(file)).height, 16);

  Tensor flat = Tensor::full({1, 16, 16, 3}, 0.5f);
  const Picture again = decode(encode_jpeg(flat, 95));
  EXPECT_LT(testing::max_difference(again.rgb, flat), 2.0 / 255);
  EXPECT_EQ(decode(encode_jpeg(Tensor::full({8, 8}, 1.0f))).rgb.shape(), (Shape{1, 8, 8, 3}));
}

TEST(Picture, WebpWithExif) {
  const Tensor flat = Tensor::full({1, 5, 7, 3}, 0.25f);
  const std::string plain = encode_webp(flat, 95);
  EXPECT_LT(testing::max_difference(decode(plain).rgb, flat), 3.0 / 255);
  EXPECT_EQ(decode(plain).mask.shape(), (Shape{1, 64, 64}));

  // The same bitstream in the extended form, with EXIF as ComfyUI's SaveAnimatedWEBP writes it.
  const auto chunk = [](const std::string& name, const std::string& data) {
    std::string out = name;
    testing::put_le(out, data.size(), 4);
    return out + data + std::string(data.size() % 2, '\0');
  };
  std::string head("\x08\0\0\0", 4);
  testing::put_le(head, 6, 3);
  testing::put_le(head, 4, 3);
  const std::string body =
      "WEBP" + chunk("VP8X", head) + plain.substr(12) + chunk("EXIF", build_exif(8, R"(prompt:{"3": {}})"));
  std::string file = "RIFF";
  testing::put_le(file, body.size(), 4);
  const Picture p = decode(file + body);
  EXPECT_EQ(p.format, PictureFormat::kWebp);
  EXPECT_EQ(p.width, 5);
  EXPECT_EQ(p.height, 7);
  EXPECT_EQ(p.text, (PictureText{{"prompt", R"({"3": {}})"}}));
}

TEST(Picture, RefusesFilesThatAreNoPictures) {
  EXPECT_EQ(error_of(""), "the file is empty");
  EXPECT_EQ(error_of("hello, I am a text"), "is not a picture");
  EXPECT_EQ(error_of("BMW is a car"), "is not a picture");
  EXPECT_EQ(error_of(std::string("\0\0\0\x1c"
                                 "ftypmp42",
                                 12)),
            "is not a picture");
  EXPECT_NE(error_of("\x89PNG\r\n\x1a\n"), "");
  EXPECT_NE(error_of("\x89PNG\r\n\x1a\nwhatever may follow here"), "");
  EXPECT_EQ(error_of("\xff\xd8\xff"), "damaged JPEG picture: it has no frame");
  EXPECT_EQ(error_of(std::string("RIFF\4\0\0\0WEBP", 12)), "damaged WebP picture: it ends too early or is malformed");
  testing::TempFolder folder;
  try {
    load_picture(folder.file("a.png", "hello"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(e.file().find("a.png"), std::string::npos);
  }
}

TEST(Picture, RefusesTooManyPixelsBeforeReadingThem) {
  const std::string huge =
      testing::png_header(100000, 100000, 8, 2) + png_chunk("IDAT", testing::deflated(std::string(1000, '\0')));
  EXPECT_EQ(error_of(huge), "has 100000 x 100000 pixels, more than a picture may");
  std::string jpeg = from_hex(testing::kColourJpegHex);
  const size_t frame = jpeg.find("\xff\xc0");
  jpeg.replace(frame + 5, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(error_of(jpeg), "has 65535 x 65535 pixels, more than a picture may");
  EXPECT_EQ(error_of(testing::png_header(0, 4, 8, 2) + png_chunk("IDAT", "")).rfind("damaged PNG picture", 0), 0u);
}

TEST(Picture, ReadsTruncatedFilesWithAWarning) {
  Tensor slope({40, 40, 3});
  for (int64_t i = 0; i < slope.numel(); ++i) slope.f32()[i] = static_cast<float>(i * 37 % 251) / 255.0f;
  const std::string png = encode_png(slope), jpeg = from_hex(testing::kColourJpegHex), webp = encode_webp(slope);
  for (const std::string& whole : {png, jpeg, webp}) {
    EXPECT_EQ(decode(whole).warning, "");
    const Picture cut = decode(whole.substr(0, whole.size() * 9 / 10));
    EXPECT_NE(cut.warning, "");
    EXPECT_EQ(cut.rgb.shape(), decode(whole).rgb.shape());
    EXPECT_THROW(decode(whole.substr(0, 30)), Error);
  }
  // Only the end mark is missing: every pixel is there.
  for (const auto& [whole, mark] : {std::pair{png, 12}, {jpeg, 2}}) {
    const Picture cut = decode(whole.substr(0, whole.size() - static_cast<size_t>(mark)));
    EXPECT_NE(cut.warning, "");
    EXPECT_EQ(testing::max_difference(cut.rgb, decode(whole).rgb), 0.0);
  }
  // Half of the rows, the others black.
  const Picture half = decode(build_png(1, 2, 8, 0, std::string("\0\7", 2)));
  EXPECT_EQ(eighths(half.rgb), (Ints{7, 7, 7, 0, 0, 0}));
  EXPECT_NE(half.warning.find("1 of its 2 rows are missing"), std::string::npos) << half.warning;
}

TEST(Picture, TextsOfCutFilesAreRead) {
  std::string file =
      build_png(40, 40, 8, 0, std::string(40 * 41, '\0'), png_chunk("tEXt", std::string("prompt\0{}", 9)));
  file.resize(file.size() - 20);
  EXPECT_EQ(inspect_picture(bytes_of(file)).text.at("prompt"), "{}");
}

TEST(Picture, TextBombsAreNotInflated) {
  // A comment that would inflate to 65 MiB.
  const std::string bomb =
      png_chunk("zTXt", std::string("b\0\0", 3) + testing::deflated(std::string(size_t{65} << 20, 'x')));
  ASSERT_LT(bomb.size(), 200000u);
  const Picture p = decode(build_png(1, 1, 8, 0, std::string("\0\7", 2), bomb));
  EXPECT_EQ(p.text.count("b"), 0u);
  // Many that would be small enough: 1 MiB each.
  std::string many;
  for (char name = 'a'; name <= 'z'; ++name)
    many += png_chunk(
        "zTXt", std::string(1, name) + std::string("\0\0", 2) + testing::deflated(std::string(size_t{1} << 20, 'x')));
  EXPECT_EQ(decode(build_png(1, 1, 8, 0, std::string("\0\7", 2), many)).text.size(), 8u);
}

// Entries of a directory that all claim the same text.
TEST(Picture, ExifTextsAreNotCopiedAgainAndAgain) {
  constexpr uint32_t kEntries = 1000, kText = 8 + 2 + 12 * kEntries + 4;
  std::string exif = "II", keys;
  testing::put_le(exif, 42, 2);
  testing::put_le(exif, 8, 4);
  testing::put_le(exif, kEntries, 2);
  for (uint32_t i = 0; i < kEntries; ++i) {
    const auto at = static_cast<uint32_t>(keys.size());
    keys += "k" + std::to_string(i) + ":";
    testing::put_le(exif, 0x0110, 2);
    testing::put_le(exif, 2, 2);
    testing::put_le(exif, 1'000'000 - at, 4);
    testing::put_le(exif, kText + at, 4);
  }
  testing::put_le(exif, 0, 4);
  keys.resize(1'000'000, 'x');
  const Picture p = decode(build_png(1, 1, 8, 0, std::string("\0\7", 2), png_chunk("eXIf", exif + keys)));
  size_t bytes = 0;
  for (const auto& [name, text] : p.text) bytes += text.size();
  EXPECT_GT(p.text.count("k0"), 0u);
  EXPECT_LT(bytes, 2'000'000u);
}

// Scans cost time without costing bytes.
TEST(Picture, RefusesJpegsOfVeryManyScans) {
  const std::vector<uint8_t> pixels(64 * 64 * 3, 100);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  ASSERT_EQ(tjCompress2(handle, pixels.data(), 64, 0, 64, TJPF_RGB, &data, &size, TJSAMP_444, 90, TJFLAG_PROGRESSIVE),
            0);
  std::string jpeg(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  EXPECT_EQ(decode(jpeg).width, 64);
  const size_t first = jpeg.find("\xff\xda"), second = jpeg.find("\xff\xda", first + 2);
  ASSERT_NE(second, std::string::npos);
  const std::string scan = jpeg.substr(first, jpeg.find("\xff\xc4", first) - first);
  for (int i = 0; i < 40; ++i) jpeg.insert(first, scan);
  EXPECT_EQ(decode(jpeg).width, 64);
  const size_t frame = jpeg.find("\xff\xc2");
  jpeg.replace(frame + 5, 4, std::string("\x1f\x40\x3e\x80", 4));  // 16000 x 8000
  EXPECT_NE(error_of(jpeg).find("scans, too many for its size"), std::string::npos) << error_of(jpeg);
}

// ImageMagick keeps EXIF data in a text: an empty line, its kind, its length, then digits on lines.
TEST(Picture, OrientationInATextProfile) {
  std::string hex;
  for (const char c : "Exif" + std::string("\0\0", 2) + build_exif(6)) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += {kDigits[static_cast<uint8_t>(c) >> 4], kDigits[static_cast<uint8_t>(c) & 15]};
  }
  for (size_t at = 72; at < hex.size(); at += 73) hex.insert(at, 1, '\n');
  const std::string text = std::string("Raw profile type exif\0", 22) + "\nexif\n      58\n" + hex + "\n";
  const Picture p = decode(build_png(2, 1, 8, 0, std::string("\0\1\2", 3), png_chunk("tEXt", text)));
  EXPECT_EQ(p.height, 2);
}

TEST(Picture, EveryDamagedByteGivesAResultOrAnError) {
  const std::string webp_body = encode_webp(Tensor::full({8, 8, 3}, 0.3f));
  const std::string files[] = {
      build_png(3, 2, 8, 0, std::string("\0\1\2\3\0\4\5\6", 8),
                png_chunk("eXIf", build_exif(6, "prompt:{}")) +
                    png_chunk("zTXt", std::string("z\0\0", 3) + testing::deflated("squeezed"))),
      build_png(2, 1, 8, 3, std::string("\0\0\1", 3), png_chunk("PLTE", "abcdef") + png_chunk("tRNS", "a")),
      from_hex(testing::kColourJpegHex), from_hex(testing::kCmykJpegHex), webp_body};
  std::mt19937 random(3);
  for (const std::string& good : files)
    for (int round = 0; round < 600; ++round) {
      std::string bytes = good;
      for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
      (void)error_of(bytes);
    }
}

TEST(Picture, ExifMayBeAnything) {
  const std::string good = std::string("Exif\0\0", 6) + build_exif(3, "prompt:{}");
  std::mt19937 random(4);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 4; ++i) bytes[6 + random() % (bytes.size() - 6)] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    (void)error_of(build_png(1, 1, 8, 0, std::string("\0\7", 2), png_chunk("eXIf", bytes)));
  }
}

}  // namespace
}  // namespace easel::formats
