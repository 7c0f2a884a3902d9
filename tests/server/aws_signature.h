// AWS's signature of requests, version 4, worked out anew from its description, to check what libcurl signs:
// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sha256.h"

namespace easel::server::testing {

struct SignedRequest {
  std::string method, path;                    // as they stand in the request: the path is quoted, and has no "?"
  std::string query;                           // quoted, without "?"
  std::map<std::string, std::string> headers;  // by lower-case names
};

inline std::string hmac(std::string key, std::string_view text) {
  const auto raw = [](const std::string& hex) {
    std::string out;
    for (size_t i = 0; i < hex.size(); i += 2)
      out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return out;
  };
  constexpr size_t kBlock = 64;
  if (key.size() > kBlock) key = raw(sha256_hex(key));
  key.resize(kBlock);
  std::string inner = key, outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return raw(sha256_hex(outer + raw(sha256_hex(inner + std::string(text)))));
}

inline std::string unquoted(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

inline std::string quoted(std::string_view text, bool slashes_too) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", byte);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && !slashes_too)) out += c;
    else out += code;
  }
  return out;
}

// Names and values, unquoted, in the order in which they stand.
inline std::vector<std::pair<std::string, std::string>> parameters(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const size_t equals = std::min(one.find('='), one.size());
    out.emplace_back(unquoted(one.substr(0, equals)), unquoted(one.substr(std::min(one.size(), equals + 1))));
  }
  return out;
}

// The signature of a request with the headers that are signed, by their lower-case names with ";" between. `scope`:
// "20130524/us-east-1/s3/aws4_request".
inline std::string aws_signature(const SignedRequest& request, const std::string& signed_headers,
                                 const std::string& scope, const std::string& secret) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : parameters(request.query))
    pairs.push_back(quoted(name, true) + "=" + quoted(value, true));
  std::sort(pairs.begin(), pairs.end());
  std::string query;
  for (const std::string& pair : pairs) query += (query.empty() ? "" : "&") + pair;

  std::string headers;
  for (std::string_view rest = signed_headers; !rest.empty();) {
    const std::string name(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto found = request.headers.find(name);
    std::string value;
    if (found != request.headers.end())
      for (const char c : found->second)  // one blank for several
        if (c != ' ' || (!value.empty() && value.back() != ' ')) value += c;
    while (value.ends_with(' ')) value.pop_back();
    headers += name + ":" + value + "\n";
  }
  const std::string canonical = request.method + "\n" + quoted(unquoted(request.path), false) + "\n" + query + "\n" +
                                headers + "\n" + signed_headers + "\n" + request.headers.at("x-amz-content-sha256");
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + request.headers.at("x-amz-date") + "\n" + scope + "\n" + sha256_hex(canonical);
  std::string key = "AWS4" + secret;
  for (std::string_view rest = scope; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    key = hmac(key, part);
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  std::string out;
  for (const char c : hmac(key, to_sign)) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    out += digits;
  }
  return out;
}

}  // namespace easel::server::testing
