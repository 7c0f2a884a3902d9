// Names near a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace easel {

// Up to `limit` of `candidates`, nearest to `name` first (edit distance, case ignored); far-off ones left out.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t limit = 3);
// "did you mean 'a' or 'b'?" or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace easel
