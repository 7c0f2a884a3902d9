// Responses with files from users: their type is determined by content and is never one that a browser would execute.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "server/http/http.h"

namespace easel::server {

// "image/png", "image/jpeg" and so on for the formats of pictures that Easel reads, by the first bytes, else empty.
// Vector pictures are not among them: they may hold scripts.
std::string image_type(std::span<const uint8_t> head);

// Content-Disposition with a file name in both forms (RFC 6266). kind: "inline" or "attachment".
std::string disposition(const std::string& kind, const std::string& name);

// The file itself, or 304 when the client has it already; under another name than its own if one is given.
Response file_answer(const Request& request, const std::filesystem::path& file, const std::string& name = {});

// A picture made from a file, with the same protections.
Response picture_answer(std::string bytes, const std::string& type, const std::string& name);

}  // namespace easel::server
