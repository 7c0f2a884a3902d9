// Requests for which pictures are decoded or encoded.
#pragma once

#include <cstdint>

#include "server/http/http.h"
#include "server/routes/services.h"

namespace easel::server {

// A handler on the pictures' pool, where one request is worked on at a time: a few bytes of a file can be a gigabyte of
// pixels. The work stops with the server (503).
Router::Handler picture_handler(Services& services, Response (*work)(const Services&, const Request&));

// Throws Error(kMemory) when that many pixels, as they are decoded, changed and written, take more than a quarter of
// the memory budget; small pictures are always let through. What jobs hold does not count, as kept models and results
// fill the budget in normal use, and no request may take memory from a job that was found to fit.
void check_pixels(const Services& services, int64_t pixels);

}  // namespace easel::server
