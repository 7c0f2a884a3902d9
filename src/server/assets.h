// The page's files, embedded in the program when it was built (cmake/EmbedAssets.cmake).
#pragma once

#include <span>
#include <string_view>

namespace easel::server {

struct Asset {
  std::string_view path;          // "/index.html"
  std::string_view content_type;  // with charset where it has one
  std::string_view etag;          // quoted
  bool immutable;                 // its name changes with its content
  std::string_view bytes;
  std::string_view gzip;  // the same compressed, or empty
};

// All of them; a program built without the page has one small plain page that says so.
std::span<const Asset> assets();

// The asset of a path, or null. "/" is the start page.
const Asset* find_asset(std::string_view path);

}  // namespace easel::server
