#include "cli/reports/sheet.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "image/scale/resize.h"

namespace easel::cli {

Tensor picture_on_sheet(const std::string& path, int64_t side, bool enlarge) {
  Tensor picture = formats::load_picture(path).rgb;
  const double scale = static_cast<double>(side) / static_cast<double>(std::max(picture.dim(1), picture.dim(2)));
  if (scale == 1.0 || (scale > 1.0 && !enlarge)) return picture;
  const image::Size size{std::max<int64_t>(1, std::llround(static_cast<double>(picture.dim(2)) * scale)),
                         std::max<int64_t>(1, std::llround(static_cast<double>(picture.dim(1)) * scale))};
  return image::resize(picture, size, image::ResizeMethod::kLanczos);
}

void check_sheet_name(const std::string& path) {
  const auto kind = std::filesystem::path(path).extension();
  if (kind != ".png" && kind != ".jpg" && kind != ".jpeg")
    throw Error(Fault::kUsage, "--sheet " + path + " is neither a .png nor a .jpg file");
}

void write_sheet(const std::string& path, const Tensor& sheet) {
  const bool png = std::filesystem::path(path).extension() == ".png";
  write_file(path, png ? formats::encode_png(sheet) : formats::encode_jpeg(sheet));
}

}  // namespace easel::cli
