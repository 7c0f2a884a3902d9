#include <algorithm>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/pictures/picture.h"
#include "server/http/multipart.h"
#include "server/log.h"
#include "server/routes/services.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;
namespace fs = std::filesystem;

namespace {

constexpr int kMaxSameName = 10000;

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

// A picture from outside, decoded to the end: what is stored can be shown and loaded.
formats::Raster decode(std::span<const uint8_t> bytes) {
  formats::inspect_picture(bytes);  // names the formats that are not read
  if (formats::looks_like_png(bytes)) return formats::decode_png(bytes);
  if (formats::looks_like_jpeg(bytes)) return formats::decode_jpeg(bytes);
  return formats::decode_webp(bytes);
}

bool same_content(const fs::path& file, std::string_view content) {
  std::error_code error;
  if (fs::file_size(file, error) != content.size() || error) return false;
  const MappedFile mapped = MappedFile::open(file);
  return std::ranges::equal(mapped.bytes(), as_bytes(content));
}

// Stores the content under its name, or under "name (1)" and so on where other content has that name already.
// Returns the name.
std::string store(const fs::path& folder, const std::string& name, std::string_view content, bool overwrite) {
  const fs::path wanted(name);
  if (overwrite) {
    write_file(folder / wanted, content);
    return name;
  }
  for (int i = 0; i < kMaxSameName; ++i) {
    const fs::path file =
        i == 0 ? wanted
               : fs::path(wanted.stem().string() + " (" + std::to_string(i) + ")" + wanted.extension().string());
    const fs::path path = folder / file;
    std::error_code error;
    if (fs::is_regular_file(fs::symlink_status(path, error))) {
      if (same_content(path, content)) return file.string();
      continue;
    }
    if (fs::exists(fs::symlink_status(path, error))) continue;
    AtomicFile out(path);
    out.write(content);
    if (out.commit_new()) return file.string();
    --i;  // somebody took the name in between: look at it again
  }
  throw Error(Fault::kInvalid, "too many files are called '" + name + "'");
}

Response finish_upload(const Services& s, const Form& form, std::string_view content) {
  const std::string name = sanitised(form.picture().file_name);
  if (name.empty()) throw Error(Fault::kInvalid, "the file has no usable name");
  const std::string type = form.text("type");
  const auto area = type.empty() ? Area::kInput : area_named(type);
  if (!area) throw Error(Fault::kInvalid, "'type' must be input, output or temp");
  const std::string subfolder = form.text("subfolder"), overwrite = form.text("overwrite");
  const fs::path folder = s.folders.make_subfolder(*area, subfolder);
  const std::string stored = store(folder, name, content, overwrite == "true" || overwrite == "1");
  log(Level::kInfo, "picture uploaded", {{"name", stored}, {"bytes", static_cast<int64_t>(content.size())}});
  const std::string relative = fs::relative(folder, s.folders.root(*area)).string();
  return Response::json(
      dump_json(Json{{"name", stored}, {"subfolder", relative == "." ? "" : relative}, {"type", area_name(*area)}}));
}

Response upload_image(const Services& s, const Request& request) {
  const Form form(request);
  decode(as_bytes(form.picture().data));
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
  const Annotated named = split_annotation(field("filename", ""));
  const auto area = named.area ? named.area : area_named(field("type", "output"));
  if (!area) throw Error(Fault::kInvalid, "'type' must be input, output or temp");
  const MappedFile file = MappedFile::open(s.folders.find(*area, field("subfolder", ""), named.name));
  const formats::Raster original = decode(file.bytes()), mask = decode(as_bytes(form.picture().data));
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

void add_upload_routes(Router& router, Services& s) {
  constexpr bool kStreamed = true;
  router.add("POST", "/upload/image", s.pool.handler([&s](Request& request) { return upload_image(s, request); }),
             kStreamed);
  router.add("POST", "/upload/mask", s.pool.handler([&s](Request& request) { return upload_mask(s, request); }),
             kStreamed);
}

}  // namespace easel::server
