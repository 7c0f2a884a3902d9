#include "server/http/request_head.h"

#include <algorithm>

#include "base/files/utf8.h"

namespace easel::server {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) ||
           (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// "name", "name:port", "[v6]" or "[v6]:port".
bool is_host(std::string_view host) {
  size_t end = 0;
  if (host.starts_with('[')) {
    end = host.find(']');
    if (end == std::string_view::npos) return false;
    const std::string address = lower_ascii(host.substr(1, end - 1));
    if (!all_of(address, std::string(kHexDigits) + ":.")) return false;
    ++end;
  } else {
    while (end < host.size() &&
           (is_letter_or_digit(host[end]) || host[end] == '-' || host[end] == '.' || host[end] == '_'))
      ++end;
    if (end == 0) return false;
  }
  if (end == host.size()) return true;
  const std::string_view port = host.substr(end + 1);
  return host[end] == ':' && port.size() <= 5 && all_of(port, kDigits);
}

// What the fields of a head say about who is meant and how long the body is.
struct Fields {
  int hosts = 0, lengths = 0, codings = 0;
};

std::optional<HeadFault> read_field(std::string_view line, Fields& seen) {
  if (line.front() == ' ' || line.front() == '\t')
    return HeadFault{400, "a header field may not be continued on the next line"};
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return HeadFault{400, "a header field must be 'Name: value', without blanks before the colon"};
  const std::string_view value = without_blanks(line.substr(colon + 1));
  if (has_control(value)) return HeadFault{400, "a header field may not hold control characters"};
  const std::string name = lower_ascii(line.substr(0, colon));
  if (name == "host") {
    ++seen.hosts;
    if (!is_host(value)) return HeadFault{400, "the Host header must be a name or an address, with a port or without"};
  } else if (name == "content-length") {
    ++seen.lengths;
    if (!all_of(value, kDigits)) return HeadFault{400, "Content-Length must be a number"};
  } else if (name == "transfer-encoding") {
    ++seen.codings;
    if (lower_ascii(value) != "chunked")
      return HeadFault{501, "the only transfer coding that is understood is 'chunked', alone"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<size_t> head_length(std::string_view received) {
  const size_t end = received.find(kHeadEnd);
  if (end == std::string_view::npos) return std::nullopt;
  return end + kHeadEnd.size();
}

bool has_lone_line_end(std::string_view received) {
  for (size_t i = 0; i < received.size(); ++i) {
    if (received[i] == '\n' && (i == 0 || received[i - 1] != '\r')) return true;
    if (received[i] == '\r' && i + 1 < received.size() && received[i + 1] != '\n') return true;
  }
  return false;
}

std::optional<HeadFault> fault_of_head(std::string_view head) {
  if (has_lone_line_end(head)) return HeadFault{400, "lines must end with CR LF"};
  if (!head.ends_with(kHeadEnd)) return HeadFault{400, "the request ends before its head does"};
  head.remove_suffix(kLineEnd.size());
  const std::string_view start = head.substr(0, head.find(kLineEnd));
  if (start.empty() || has_control(start)) return HeadFault{400, "not a valid HTTP request"};
  head.remove_prefix(start.size() + kLineEnd.size());
  Fields seen;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    if (auto fault = read_field(line, seen)) return fault;
    head.remove_prefix(line.size() + kLineEnd.size());
  }
  const bool old = start.ends_with("HTTP/1.0");
  if (seen.hosts != 1 && !(seen.hosts == 0 && old)) return HeadFault{400, "exactly one Host header is needed"};
  if (seen.lengths + seen.codings > 1) return HeadFault{400, "more than one length is given for the body"};
  if (seen.codings > 0 && old) return HeadFault{400, "HTTP/1.0 knows no transfer codings"};
  return std::nullopt;
}

}  // namespace easel::server
