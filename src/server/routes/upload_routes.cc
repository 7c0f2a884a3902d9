#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/files/utf8.h"
#include "formats/pictures/picture.h"
#include "server/http/multipart.h"
#include "server/log.h"
#include "server/routes/picture_work.h"
#include "server/routes/services.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using artifacts::Area;
using artifacts::IfTaken;
using workflow::dump_json;
using workflow::Json;

namespace {

constexpr size_t kMostText = size_t{16} << 20;  // in all of a picture's texts together

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The fields of an upload form; all views point into the mapped body.
class Form {
 public:
  explicit Form(const Request& request) : file_(MappedFile::open(request.body_file)) {
    const auto bytes = file_.bytes();
    parts_ =
        parse_multipart(request.header("content-type"), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  const FormPart* part(std::string_view name) const {
    const auto it = std::find_if(parts_.begin(), parts_.end(), [&](const FormPart& p) { return p.name == name; });
    return it == parts_.end() ? nullptr : &*it;
  }
  std::string text(std::string_view name, size_t longest = 4096) const {
    const FormPart* p = part(name);
    if (p && p->data.size() > longest)
      throw Error(Fault::kInvalid, "the field '" + std::string(name) + "' is too long");
    return p ? std::string(p->data) : std::string();
  }
  const FormPart& picture() const {
    const FormPart* p = part("image");
    if (!p || p->data.empty()) throw Error(Fault::kInvalid, "the form has no file in its field 'image'");
    return *p;
  }

 private:
  MappedFile file_;
  std::vector<FormPart> parts_;
};

// The name to store a picture under. Whoever gets the file later goes by the ending, so that only a picture's will do;
// a name without any gets that of the content.
std::string picture_name(const Form& form, std::string_view content) {
  std::string name = artifacts::sanitised(form.picture().file_name);
  if (name.empty()) throw Error(Fault::kInvalid, "the file has no usable name");
  const std::string ending = lower_ascii(std::filesystem::path(name).extension().string());
  if (ending.empty()) {
    const auto format = formats::picture_format(content);
    return name + std::string(formats::picture_kind(format.value_or(formats::PictureFormat::kPng)).endings.front());
  }
  if (!formats::picture_kind_by_ending(ending))
    throw Error(Fault::kInvalid,
                "only pictures are taken: the name must end as a picture's does, not in '" + ending + "'")
        .fix("Easel reads " + formats::readable_formats());
  return name;
}

// Text in a picture goes into memory wherever the picture is used.
void check_texts(std::span<const uint8_t> picture) {
  size_t bytes = 0;
  for (const auto& [key, value] : formats::inspect_picture(picture).text) bytes += key.size() + value.size();
  if (bytes > kMostText)
    throw Error(Fault::kInvalid, "the picture carries " + std::to_string(bytes >> 20) + " MiB of text, more than the " +
                                     std::to_string(kMostText >> 20) + " MiB allowed");
}

int64_t pixels_in(std::span<const uint8_t> picture, int64_t most_frames = std::numeric_limits<int64_t>::max()) {
  const formats::PictureInfo info = formats::inspect_picture(picture);
  return info.width * info.height * std::min(info.frames, most_frames);
}

Response finish_upload(const Services& s, const Form& form, std::string_view content) {
  const std::string name = picture_name(form, content);
  const std::string type = form.text("type"), overwrite = form.text("overwrite");
  const auto area = type.empty() ? Area::kInput : artifacts::area_named(type);
  if (!area) throw Error(Fault::kInvalid, "'type' must be input, output or temp");
  require_room(s, *area, content.size());
  const bool replace = overwrite == "true" || overwrite == "1";
  const artifacts::Name stored = s.artifacts.put({*area, form.text("subfolder"), name}, content,
                                                 replace ? IfTaken::kReplace : IfTaken::kAnotherName);
  log(Level::kInfo, "picture uploaded", {{"name", stored.file}, {"bytes", static_cast<int64_t>(content.size())}});
  return Response::json(
      dump_json(Json{{"name", stored.file}, {"subfolder", stored.subfolder}, {"type", artifacts::area_name(*area)}}));
}

Response upload_image(const Services& s, const Request& request) {
  const Form form(request);
  check_uploaded_picture(s, as_bytes(form.picture().data), std::string(form.picture().file_name));
  return finish_upload(s, form, form.picture().data);
}

// Gives the picture that `original_ref` names the alpha of the uploaded one.
Response upload_mask(const Services& s, const Request& request) {
  const Form form(request);
  std::string reference = form.text("original_ref");
  if (reference.empty()) reference = form.text("originalRef");  // comfy-ui-client spells it so
  const Json ref = workflow::parse_json(reference);
  if (!ref.is_object() || !ref.contains("filename") || !ref["filename"].is_string())
    throw Error(Fault::kInvalid, "'original_ref' must be {\"filename\", \"subfolder\", \"type\"}");
  const auto field = [&](const char* key, const char* fallback) {
    return ref.contains(key) && ref[key].is_string() ? ref[key].get<std::string>() : std::string(fallback);
  };
  const auto name = artifact_name(field("filename", ""), field("subfolder", ""), field("type", "output"));
  if (!name) throw Error(Fault::kInvalid, "'type' must be input, output or temp");
  const MappedFile file = MappedFile::open(s.artifacts.get(*name));
  constexpr int64_t kOne = 1;  // masks are painted on the first frame
  check_pixels(s, pixels_in(file.bytes(), kOne) + pixels_in(as_bytes(form.picture().data), kOne));
  const formats::Raster original = formats::decode_raster(file.bytes(), kOne),
                        mask = formats::decode_raster(as_bytes(form.picture().data), kOne);
  if (original.width != mask.width || original.height != mask.height)
    throw Error(Fault::kInvalid, "the mask must be as large as its picture, " + std::to_string(original.width) + " x " +
                                     std::to_string(original.height));
  const auto count = static_cast<size_t>(original.width * original.height);
  std::vector<uint8_t> rgba(count * 4);
  for (size_t i = 0; i < count; ++i) {
    std::copy_n(&original.rgb[i * 3], 3, &rgba[i * 4]);
    rgba[i * 4 + 3] = mask.alpha.empty() ? 255 : mask.alpha[i];
  }
  formats::TextChunks text;
  for (const auto& [key, value] : formats::inspect_picture(file.bytes()).text) text.emplace_back(key, value);
  constexpr int kCompression = 4;
  return finish_upload(s, form, formats::encode_png(rgba, original.width, original.height, 4, text, kCompression));
}

}  // namespace

void check_uploaded_picture(const Services& s, std::span<const uint8_t> picture, const std::string& name) {
  check_texts(picture);
  check_pixels(s, pixels_in(picture));
  // Decoded to the end: what is stored can be shown and loaded.
  const formats::Raster raster = formats::decode_raster(picture);
  if (!raster.warning.empty())
    log(Level::kWarning, "picture uploaded that is not whole", {{"name", name}, {"why", raster.warning}});
}

void require_room(const Services& s, Area area, size_t bytes) {
  if (area == Area::kOutput || s.input_quota == 0) return;
  const uint64_t used = s.artifacts.bytes_used(area);
  if (used + bytes > s.input_quota)
    throw Error(Fault::kMemory, std::string("the ") + artifacts::area_name(area) + " folder holds " +
                                    std::to_string(used >> 20) + " MiB, and with this picture more than the " +
                                    std::to_string(s.input_quota >> 20) + " MiB it may hold")
        .fix("Remove pictures from it, or start the server with a larger --input-quota");
}

void add_upload_routes(Router& router, Services& s) {
  constexpr bool kStreamed = true;
  router.add("POST", "/upload/image", picture_handler(s, upload_image), kStreamed);
  router.add("POST", "/upload/mask", picture_handler(s, upload_mask), kStreamed);
}

}  // namespace easel::server
