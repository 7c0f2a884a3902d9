#include "server/fleet/contents/answers.h"

#include "base/error.h"
#include "tensor/mapped_file.h"

namespace easel::server {

using artifacts::Blob;

namespace {

std::string checked_sha256(const Request& request) {
  const std::string& sha256 = request.captures.at(0);
  if (!artifacts::is_sha256(sha256)) throw Error(Fault::kInvalid, "a content is named by 64 hexadecimal digits");
  return sha256;
}

}  // namespace

Response get_content(const artifacts::FolderBlobs& own, const Request& request) {
  const auto path = own.path_of(checked_sha256(request));
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return Response::error(404, "not_found", "that is not here");
  Response out;
  out.content_type = "application/octet-stream";
  out.file = path;
  return out;
}

Response put_content(artifacts::FolderBlobs& own, const Request& request) {
  const std::string sha256 = checked_sha256(request);
  std::string_view content;
  std::optional<MappedFile> file;
  if (!request.body_file.empty() && std::filesystem::file_size(request.body_file) > 0) {
    file = MappedFile::open(request.body_file);
    content = {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
  }
  const Blob blob = artifacts::blob_of(content);
  if (blob.sha256 != sha256) throw Error(Fault::kInvalid, "the content is not the one that the address names");
  own.keep(blob, content);
  return Response::json("{}", 201);
}

}  // namespace easel::server
