#include <algorithm>

#include "artifacts/blobs.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "server/http/file_answers.h"
#include "server/routes/services.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

// 8-bit pixels of the first frame, upright, 4 channels.
struct Pixels {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> rgba;
};

Pixels read_pixels(const std::filesystem::path& file) {
  const MappedFile mapped = MappedFile::open(file);
  const formats::Raster raster = formats::decode_raster(mapped.bytes(), /*most_frames=*/1);
  Pixels out{raster.width, raster.height, {}};
  const auto count = static_cast<size_t>(raster.width * raster.height);
  out.rgba.resize(count * 4);
  for (size_t i = 0; i < count; ++i) {
    std::copy_n(&raster.rgb[i * 3], 3, &out.rgba[i * 4]);
    out.rgba[i * 4 + 3] = raster.alpha.empty() ? 255 : raster.alpha[i];
  }
  return out;
}

std::vector<uint8_t> without_alpha(const Pixels& p) {
  std::vector<uint8_t> rgb(p.rgba.size() / 4 * 3);
  for (size_t i = 0; i * 4 < p.rgba.size(); ++i) std::copy_n(&p.rgba[i * 4], 3, &rgb[i * 3]);
  return rgb;
}

// What whoever saves the answer calls it: as the file, unless that is named by its content.
std::string shown_name(const std::filesystem::path& file, const artifacts::Name& name) {
  const std::string own = file.filename().string();
  return artifacts::is_sha256(own) ? std::filesystem::path(name.file).filename().string() : own;
}

// "webp;90" or "jpeg;75"; the format is webp unless it says jpeg.
Response preview(const std::filesystem::path& file, const artifacts::Name& name, const std::string& wish) {
  const size_t mark = wish.rfind(';');
  const std::string format = wish.substr(0, wish.find(';'));
  const std::string digits = mark == std::string::npos ? wish : wish.substr(mark + 1);
  int quality = 90;
  if (!digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos)
    quality = std::clamp(std::stoi(digits), 1, 100);
  const Pixels pixels = read_pixels(file);
  const auto rgb = without_alpha(pixels);
  const bool jpeg = format == "jpeg";
  return picture_answer(jpeg ? formats::encode_jpeg(rgb, pixels.width, pixels.height, quality)
                             : formats::encode_webp(rgb, pixels.width, pixels.height, static_cast<float>(quality)),
                        jpeg ? "image/jpeg" : "image/webp", shown_name(file, name));
}

Response channel(const std::filesystem::path& file, const artifacts::Name& name, const std::string& which) {
  Pixels pixels = read_pixels(file);
  constexpr int kCompression = 1;
  if (which == "rgb")
    return picture_answer(formats::encode_png(without_alpha(pixels), pixels.width, pixels.height, 3, {}, kCompression),
                          "image/png", shown_name(file, name));
  // The alpha alone, over black.
  for (size_t i = 0; i < pixels.rgba.size(); ++i)
    if (i % 4 != 3) pixels.rgba[i] = 0;
  return picture_answer(formats::encode_png(pixels.rgba, pixels.width, pixels.height, 4, {}, kCompression), "image/png",
                        shown_name(file, name));
}

Response view(const Services& s, const Request& request) {
  const std::string given = request.param("filename");
  if (given.empty()) return Response::error(404, "not_found", "a filename is needed");
  const auto name = artifact_name(given, request.param("subfolder"), request.param("type", "output"));
  if (!name) return Response::error(400, "invalid", "'type' must be input, output or temp");
  const auto file = s.artifacts.get(*name);
  const std::string which = request.param("channel", "rgba");
  if (which != "rgba" && which != "rgb" && which != "a")
    return Response::error(400, "invalid", "'channel' must be rgba, rgb or a");
  if (request.query.contains("preview")) return preview(file, *name, request.param("preview"));
  if (which == "rgb" || which == "a") return channel(file, *name, which);
  return file_answer(request, file, shown_name(file, *name));
}

// The free-form strings in a model file's header, as training tools leave them.
Response view_metadata(const Services& s, const Request& request) {
  const std::string name = request.param("filename");
  if (!name.ends_with(".safetensors"))
    return Response::error(404, "not_found", "only .safetensors files have metadata");
  for (const auto& folder : s.models.folders(request.captures.at(0))) {
    std::error_code error;
    const auto root = std::filesystem::canonical(folder, error);
    if (error) continue;
    const auto file = std::filesystem::canonical(artifacts::safe_join(root, name), error);
    if (error || !lies_inside(file, root) || !std::filesystem::is_regular_file(file, error)) continue;
    formats::Metadata metadata;
    formats::read_safetensors(MappedFile::open(file), &metadata);
    if (metadata.empty()) break;
    Json out = Json::object();
    for (const auto& [key, value] : metadata) out[key] = value;
    return Response::json(dump_json(out));
  }
  return Response::error(404, "not_found", "no such file, or it has no metadata");
}

}  // namespace

std::optional<artifacts::Name> artifact_name(const std::string& file, const std::string& subfolder,
                                             const std::string& type) {
  const artifacts::Annotated named = artifacts::split_annotation(file);
  const auto area = named.area ? named.area : artifacts::area_named(type);
  if (!area) return std::nullopt;
  return artifacts::Name{*area, subfolder, named.name};
}

void add_view_routes(Router& router, Services& s) {
  router.add("GET", "/view", s.pool.handler([&s](Request& request) { return view(s, request); }));
  router.add("GET", "/view_metadata/{folder}",
             s.models_pool.handler([&s](Request& request) { return view_metadata(s, request); }));
  // Names in one of the three areas, newest first, as ComfyUI's page asks for them.
  router.add("GET", "/internal/files/{area}", s.pool.handler([&s](Request& request) {
    const auto area = artifacts::area_named(request.captures.at(0));
    if (!area) return Response::error(400, "invalid", "the folder must be input, output or temp");
    return Response::json(dump_json(Json(s.artifacts.list(*area))));
  }));
}

}  // namespace easel::server
