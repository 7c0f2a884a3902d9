#include "server/http/multipart.h"

#include <algorithm>

#include "base/error.h"
#include "base/files/utf8.h"

namespace easel::server {
namespace {

[[noreturn]] void malformed(const std::string& why) {
  throw Error(Fault::kInvalid, "malformed multipart/form-data: " + why);
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// The value of `name` in "...; name=value; other="quoted \" value"".
std::string parameter(std::string_view header, std::string_view name) {
  size_t i = header.find(';');
  while (i != std::string_view::npos && i < header.size()) {
    ++i;
    const size_t eq = header.find('=', i);
    if (eq == std::string_view::npos) return {};
    const std::string key = lower_ascii(trim(header.substr(i, eq - i)));
    std::string value;
    i = eq + 1;
    if (i < header.size() && header[i] == '"') {
      for (++i; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size() && (header[i + 1] == '"' || header[i + 1] == '\\')) ++i;
        value.push_back(header[i]);
      }
      i = header.find(';', i);
    } else {
      const size_t end = std::min(header.find(';', i), header.size());
      value = std::string(trim(header.substr(i, end - i)));
      i = end;
    }
    if (key == name) return value;
  }
  return {};
}

FormPart parse_part(std::string_view part) {
  FormPart out;
  size_t head = part.find("\r\n\r\n");
  if (head == std::string_view::npos) malformed("a part without an empty line after its headers");
  if (head > 8192) malformed("a part with more than 8 KiB of headers");
  std::string_view headers = part.substr(0, head);
  out.data = part.substr(head + 4);
  while (!headers.empty()) {
    const size_t end = std::min(headers.find("\r\n"), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) malformed("a header line without a colon");
    const std::string name = lower_ascii(trim(line.substr(0, colon)));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-disposition") {
      out.name = parameter(value, "name");
      out.file_name = parameter(value, "filename");
    } else if (name == "content-type") {
      out.content_type = std::string(value);
    }
  }
  if (out.name.empty()) malformed("a part without a name");
  return out;
}

}  // namespace

std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body) {
  if (!lower_ascii(content_type).starts_with("multipart/form-data"))
    throw Error(Fault::kInvalid, "expected multipart/form-data, got '" + std::string(content_type.substr(0, 80)) + "'");
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) malformed("no usable boundary");
  const std::string first = "--" + boundary, next = "\r\n--" + boundary;
  size_t at = body.find(first);
  if (at == std::string_view::npos) malformed("the boundary does not appear in the body");
  at += first.size();
  std::vector<FormPart> parts;
  for (;;) {
    if (body.substr(at).starts_with("--")) return parts;
    if (!body.substr(at).starts_with("\r\n")) malformed("a boundary line that does not end");
    at += 2;
    // A part may have no header lines at all; keep the CRLF in view so that the empty line is found.
    const size_t end = body.find(next, at);
    if (end == std::string_view::npos) malformed("the last boundary is missing: the body is cut short");
    if (parts.size() == 64) malformed("more than 64 parts");
    parts.push_back(parse_part(body.substr(at, end - at)));
    at = end + next.size();
  }
}

}  // namespace easel::server
