#include "server/http/file_answers.h"

#include <sys/stat.h>

#include <cstdio>

#include "base/error.h"
#include "formats/pictures/picture_format.h"

namespace easel::server {
namespace {

void protect(Response& response, const std::string& kind, const std::string& name) {
  response.headers.emplace_back("Content-Disposition", disposition(kind, name));
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
}

}  // namespace

std::string image_type(std::span<const uint8_t> head) {
  const auto format = formats::picture_format(head);
  return format ? formats::picture_kind(*format).mime : "";
}

std::string disposition(const std::string& kind, const std::string& name) {
  std::string plain, encoded;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    plain += u < 0x20 || u >= 0x7F || c == '"' || c == '\\' ? '_' : c;
    char hex[4];
    snprintf(hex, sizeof hex, "%%%02X", u);
    const bool bare = (u < 0x80 && std::isalnum(u)) || c == '.' || c == '-' || c == '_';
    encoded += bare ? std::string(1, c) : std::string(hex);
  }
  std::string out = kind + "; filename=\"" + plain + "\"";
  if (plain != name) out += "; filename*=UTF-8''" + encoded;
  return out;
}

Response file_answer(const Request& request, const std::filesystem::path& file, const std::string& name) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) throw Error(Fault::kMissing, "there is no such file");
  Response out;
  char etag[64];
  snprintf(etag, sizeof etag, "\"%llx-%llx-%llx\"", static_cast<unsigned long long>(info.st_mtim.tv_sec),
           static_cast<unsigned long long>(info.st_mtim.tv_nsec), static_cast<unsigned long long>(info.st_size));
  out.headers.emplace_back("ETag", etag);
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  if (is_fresh(request, etag)) {
    out.status = 304;
    return out;
  }
  uint8_t head[32] = {};
  size_t n = 0;
  if (FILE* f = std::fopen(file.c_str(), "rbe")) {
    n = std::fread(head, 1, sizeof head, f);
    std::fclose(f);
  }
  const std::string type = image_type({head, n});
  out.content_type = type.empty() ? "application/octet-stream" : type;
  protect(out, type.empty() ? "attachment" : "inline", name.empty() ? file.filename().string() : name);
  out.file = file;
  return out;
}

Response picture_answer(std::string bytes, const std::string& type, const std::string& name) {
  Response out;
  out.content_type = type;
  out.body = std::move(bytes);
  protect(out, "inline", name);
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

}  // namespace easel::server
