#include <algorithm>

#include "artifacts/blobs.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "server/http/file_answers.h"
#include "server/routes/picture_work.h"
#include "server/routes/services.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

// The first frame, upright.
formats::Raster read_pixels(const MappedFile& file) { return formats::decode_raster(file.bytes(), /*most_frames=*/1); }

// What whoever saves the answer calls it: as the file, unless that is named by its content.
std::string shown_name(const std::filesystem::path& file, const artifacts::Name& name) {
  const std::string own = file.filename().string();
  return artifacts::is_sha256(own) ? std::filesystem::path(name.file).filename().string() : own;
}

// "webp;90" or "jpeg;75"; the format is webp unless it says jpeg.
Response preview(const MappedFile& file, const std::string& shown, const std::string& wish) {
  const size_t mark = wish.rfind(';');
  const std::string format = wish.substr(0, wish.find(';'));
  const std::string digits = mark == std::string::npos ? wish : wish.substr(mark + 1);
  int quality = 90;
  if (!digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos)
    quality = std::clamp(std::stoi(digits), 1, 100);
  const formats::Raster pixels = read_pixels(file);
  const bool jpeg = format == "jpeg";
  return picture_answer(
      jpeg ? formats::encode_jpeg(pixels.rgb, pixels.width, pixels.height, quality)
           : formats::encode_webp(pixels.rgb, pixels.width, pixels.height, static_cast<float>(quality)),
      jpeg ? "image/jpeg" : "image/webp", shown);
}

Response channel(const MappedFile& file, const std::string& shown, const std::string& which) {
  const formats::Raster pixels = read_pixels(file);
  constexpr int kCompression = 1;
  if (which == "rgb")
    return picture_answer(formats::encode_png(pixels.rgb, pixels.width, pixels.height, 3, {}, kCompression),
                          "image/png", shown);
  // The alpha alone, over black.
  const auto count = static_cast<size_t>(pixels.width * pixels.height);
  std::vector<uint8_t> rgba(count * 4);
  for (size_t i = 0; i < count; ++i) rgba[i * 4 + 3] = pixels.alpha.empty() ? 255 : pixels.alpha[i];
  return picture_answer(formats::encode_png(rgba, pixels.width, pixels.height, 4, {}, kCompression), "image/png",
                        shown);
}

// Anything but the file as it is.
bool asks_for_pixels(const Request& request) {
  return request.query.contains("preview") || request.param("channel", "rgba") != "rgba";
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
  const std::string shown = shown_name(file, *name);
  if (!asks_for_pixels(request)) return file_answer(request, file, shown);
  const MappedFile mapped = MappedFile::open(file);
  const formats::PictureInfo info = formats::inspect_picture(mapped.bytes());
  check_pixels(s, info.width * info.height);
  return request.query.contains("preview") ? preview(mapped, shown, request.param("preview"))
                                           : channel(mapped, shown, which);
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
  router.add("GET", "/view",
             [as_it_is = s.pool.handler([&s](Request& request) { return view(s, request); }),
              changed = picture_handler(s, view)](Request request, const Reply& reply) {
               (asks_for_pixels(request) ? changed : as_it_is)(std::move(request), reply);
             });
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
