// What the page asks about models and prompts, and the deletion of pictures.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "formats/pictures/picture_format.h"
#include "server/http/file_answers.h"
#include "server/routes/services.h"
#include "techniques/catalogue.h"
#include "tensor/mapped_file.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;

namespace {

constexpr size_t kLongestPrompt = 1 << 20;
constexpr size_t kMostPictures = 10000;

Response model_picture(const Services& s, const Request& request) {
  const auto model = s.models.try_find(request.param("folder"), request.param("filename"));
  const auto picture = model ? techniques::picture_beside(*model) : std::filesystem::path();
  if (picture.empty()) return Response::error(404, "not_found", "no picture lies beside that file");
  return file_answer(request, picture);
}

Response tokens(const Request& request) {
  const Json body = body_json(request);
  const auto text = body.find("text");
  if (text == body.end() || !text->is_string()) throw Error(Fault::kInvalid, "'text' must be a text");
  const auto& prompt = text->get_ref<const std::string&>();
  if (prompt.size() > kLongestPrompt) throw Error(Fault::kInvalid, "the text is longer than 1 MiB");
  return Response::json(dump_json({{"chunks", techniques::tokens_of_chunks(prompt)}}));
}

// {class: [inputs that hold text of a prompt]}, of the classes that have any.
Json prompt_texts(const workflow::NodeTable& table) {
  Json out = Json::object();
  for (const workflow::NodeSpec* node : table.list())
    for (const workflow::InputSpec& input : node->inputs)
      if (input.names_embeddings) out[node->class_type].push_back(input.name);
  return out;
}

// The formats of pictures that uploads and LoadImage take here.
Json picture_formats() {
  Json out = Json::array();
  for (const formats::PictureKind& kind : formats::picture_kinds())
    if (formats::is_readable(kind.format))
      out.push_back({{"name", kind.name}, {"mime", kind.mime}, {"endings", kind.endings}});
  return out;
}

bool is_picture(const std::filesystem::path& file) {
  const MappedFile mapped = MappedFile::open(file);
  const auto bytes = mapped.bytes();
  return !image_type(bytes.first(std::min<size_t>(bytes.size(), 64))).empty();
}

std::string text_of(const Json& image, const char* key, const char* otherwise) {
  const auto it = image.find(key);
  if (it == image.end()) return otherwise;
  if (!it->is_string()) throw Error(Fault::kInvalid, std::string("'") + key + "' must be a text");
  return it->get<std::string>();
}

// The artifact of {"filename", "subfolder", "type"}; nothing when it is gone already. Only what was made here can be
// deleted, never what somebody put into the input folder, nor any file that is no picture.
std::optional<artifacts::Name> picture_to_delete(const Services& s, const Json& image) {
  if (!image.is_object()) throw Error(Fault::kInvalid, "'images' must be a list of {filename, subfolder, type}");
  const std::string file = text_of(image, "filename", "");
  auto name = artifact_name(file, text_of(image, "subfolder", ""), text_of(image, "type", "output"));
  if (!name || name->area == artifacts::Area::kInput) throw Error(Fault::kInvalid, "'type' must be output or temp");
  try {
    if (!is_picture(s.artifacts.get(*name))) throw Error(Fault::kInvalid, "'" + file + "' is no picture");
  } catch (const Error& e) {
    if (e.fault() == Fault::kMissing) return std::nullopt;
    throw;
  }
  return name;
}

Response delete_pictures(const Services& s, const Request& request) {
  const Json body = body_json(request);
  const auto images = body.find("images");
  if (images == body.end() || !images->is_array() || images->size() > kMostPictures)
    throw Error(Fault::kInvalid, "'images' must be a list of {filename, subfolder, type}");
  // All names are looked at before the first file goes.
  std::vector<artifacts::Name> names;
  for (const Json& image : *images)
    if (auto name = picture_to_delete(s, image)) names.push_back(std::move(*name));
  for (const artifacts::Name& name : names) s.artifacts.remove(name);
  return Response::json(dump_json({{"deleted", names.size()}}));
}

}  // namespace

void add_library_routes(Router& router, Services& s) {
  router.add("GET", "/easel/models",
             s.models_pool.handler([&s](Request&) { return Response::json(dump_json(s.catalogue.files())); }));
  router.add("GET", "/easel/models/picture",
             s.models_pool.handler([&s](Request& request) { return model_picture(s, request); }));
  router.add("GET", "/easel/prompt_texts",
             s.pool.handler([&s](Request&) { return Response::json(dump_json(prompt_texts(s.table))); }));
  router.get("/easel/picture_formats", [](const Request&) { return Response::json(dump_json(picture_formats())); });
  router.add("POST", "/easel/tokens", s.pool.handler([](Request& request) { return tokens(request); }));
  router.add("POST", "/easel/pictures/delete",
             s.pool.handler([&s](Request& request) { return delete_pictures(s, request); }));
}

}  // namespace easel::server
