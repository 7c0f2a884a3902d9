// What clients of the tooling nodes ask for (tooling_routes.cc), and the checks of uploads that they share with others.
#pragma once

#include <span>
#include <string>

#include "server/routes/services.h"

namespace easel::server {

void add_tooling_routes(Router& router, Services& services);  // /etn

// Throws Error(kInvalid) unless the bytes are a picture that can be decoded to its end and carries no more text than
// one may. A picture that is not whole is logged under `name`.
void check_uploaded_picture(std::span<const uint8_t> picture, const std::string& name);

// Throws Error(kMemory) when so many bytes more do not fit into the quota of uploads, which the input and the temp area
// have each.
void require_room(const Services& services, artifacts::Area area, size_t bytes);

}  // namespace easel::server
