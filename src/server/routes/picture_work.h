// Requests for which pictures are decoded or encoded.
#pragma once

#include <cstdint>

#include "server/http/http.h"
#include "server/routes/services.h"
#include "tensor/memory_guard.h"

namespace easel::server {

// A handler on the pictures' pool, where one request is worked on at a time: a few bytes of a file can be a gigabyte of
// pixels. The work stops with the server (503).
Router::Handler picture_handler(Services& services, Response (*work)(const Services&, const Request&));

// Takes the memory for that many pixels as they are decoded, changed and written. Throws Error(kMemory) when the memory
// budget has no room for it besides what is held now; small pictures are always let through.
MemoryClaim room_for_pixels(const Services& services, int64_t pixels);

}  // namespace easel::server
