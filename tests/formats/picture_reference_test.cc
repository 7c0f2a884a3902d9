// Pictures of many formats, whole and cut short, against what ComfyUI's LoadImage makes of them with PIL
// (pillow_reference.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "formats/temp_files.h"
#include "support/paths.h"

namespace easel::formats {
namespace {

namespace fs = std::filesystem;

struct Wanted {
  int64_t frames = 0, height = 0, width = 0, mask_height = 0, mask_width = 0;
  std::string rgb, alpha;
};

// Nothing where PIL reads nothing.
std::optional<Wanted> wanted(const fs::path& path) {
  const std::string bytes = read_file(path, size_t{1} << 30);
  if (bytes.empty()) return std::nullopt;
  uint32_t head[5];
  std::memcpy(head, bytes.data(), sizeof head);
  Wanted out{.frames = head[0],
             .height = head[1],
             .width = head[2],
             .mask_height = head[3],
             .mask_width = head[4],
             .rgb = {},
             .alpha = {}};
  const auto pixels = static_cast<size_t>(out.frames * out.height * out.width * 3);
  out.rgb = bytes.substr(sizeof head, pixels);
  out.alpha = bytes.substr(sizeof head + pixels);
  return out;
}

std::string bytes_of(const Tensor& values) {
  std::string out;
  for (const float v : values.values()) out += static_cast<char>(std::lround(v * 255.0f));
  return out;
}

std::string alpha_of(const Tensor& mask) {
  std::string out;
  for (const float v : mask.values()) out += static_cast<char>(std::lround((1.0f - v) * 255.0f));
  return out;
}

bool one_colour(const std::string& rgb) {
  for (size_t i = 3; i < rgb.size(); ++i)
    if (rgb[i] != rgb[i - 3]) return false;
  return true;
}

// In words how the two differ; empty: not at all.
std::string difference(const fs::path& file, bool cut) {
  const auto want = wanted(file.string() + ".want");
  std::optional<Picture> got;
  std::string why;
  try {
    got = load_picture(file);
  } catch (const Error& e) {
    why = e.message();
  }
  // PIL reads nothing of some that can be shown in part.
  if (!want) return got && !cut ? "PIL reads nothing of it" : "";
  // Where PIL shows one colour only, it has read nothing: that is an error, or can be shown in part.
  if (cut && one_colour(want->rgb)) return "";
  if (!got) return "not read: " + why;
  if (cut && got->warning.empty() && got->rgb.dim(0) != want->frames) return "cut without a warning";
  if (got->rgb.dim(1) != want->height || got->rgb.dim(2) != want->width) return "its size is " + got->rgb.shape().str();
  // What PIL repeats of a cut animation, the frames that are missing, is no frame.
  const int64_t frames = cut ? std::min(want->frames, got->rgb.dim(0)) : want->frames;
  if (got->rgb.dim(0) < frames || (!cut && got->rgb.dim(0) != frames))
    return "it has " + std::to_string(got->rgb.dim(0)) + " frames, not " + std::to_string(frames);
  const std::string rgb = bytes_of(got->rgb), alpha = alpha_of(got->mask);
  const auto bytes = static_cast<size_t>(frames * want->height * want->width * 3);
  for (size_t i = 0; i < bytes; ++i)
    if (rgb[i] != want->rgb[i]) {
      const size_t pixel = i / 3, width = static_cast<size_t>(want->width), height = static_cast<size_t>(want->height);
      return "frame " + std::to_string(pixel / width / height) + " row " + std::to_string(pixel / width % height) +
             " column " + std::to_string(pixel % width) + ": " + std::to_string(static_cast<uint8_t>(rgb[i])) +
             " is not " + std::to_string(static_cast<uint8_t>(want->rgb[i]));
    }
  if (got->mask.dim(1) != want->mask_height || got->mask.dim(2) != want->mask_width)
    return "its mask is " + got->mask.shape().str();
  const auto masked = static_cast<size_t>(frames * want->mask_height * want->mask_width);
  if (alpha.compare(0, masked, want->alpha, 0, masked) != 0) return "its masks differ";
  return "";
}

TEST(PictureReference, EveryPictureIsThatOfPil) {
  if (std::system("/usr/bin/python3 -c 'import PIL' 2>/dev/null") != 0)  // NOLINT(concurrency-mt-unsafe): no threads
    GTEST_SKIP() << "needs Debian's python3-pil";
  testing::TempFolder folder;
  const std::string script = std::string(testing::kSourceDir) + "/tests/formats/pillow_reference.py";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no threads
  ASSERT_EQ(std::system(("/usr/bin/python3 -W ignore '" + script + "' '" + folder.path().string() + "'").c_str()), 0);
  int pictures = 0, cuts = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".want") continue;
    const bool cut = entry.path().filename().string().find(".cut") != std::string::npos;
    EXPECT_EQ(difference(entry.path(), cut), "") << entry.path().filename();
    ++(cut ? cuts : pictures);
  }
  EXPECT_GT(pictures, 150);
  EXPECT_GT(cuts, 150);
}

}  // namespace
}  // namespace easel::formats
