// multipart/form-data (RFC 7578), read from memory or a mapped file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace easel::server {

struct FormPart {
  std::string name;       // field name
  std::string file_name;  // as sent, untrusted; empty for plain fields
  std::string content_type;
  std::string_view data;  // points into the body
};

// Splits a body. `content_type` is the request's header with the boundary. Throws Error(kInvalid) for
// anything malformed and for more than 64 parts.
std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace easel::server
