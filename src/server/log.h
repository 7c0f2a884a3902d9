// What the server says about itself: one line per event, for people or as JSON.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace easel::server {

enum class Level { kDebug, kInfo, kWarning, kError };

// Goes to standard error. `json`: one JSON object per line instead of text.
void configure_log(Level least, bool json);

using LogField = std::pair<std::string_view, std::variant<std::string, double, int64_t>>;

// log(Level::kInfo, "job finished", {{"prompt_id", id}, {"seconds", 1.5}}). Thread-safe.
void log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace easel::server
