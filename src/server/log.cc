#include "server/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <nlohmann/json.hpp>

namespace easel::server {
namespace {

std::atomic<bool> g_json{false};

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("easel", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void configure_log(Level least, bool json) {
  g_json = json;
  logger().set_level(to_spdlog(least));
  if (json) logger().set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
}

void log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!logger().should_log(to_spdlog(level))) return;
  const bool json = g_json;
  std::string line = json ? "\"event\":" + quoted(std::string(event)) : std::string(event);
  for (const auto& [name, value] : fields) {
    line += json ? ",\"" + std::string(name) + "\":" : " " + std::string(name) + "=";
    if (const auto* text = std::get_if<std::string>(&value)) {
      const bool bare = !json && !text->empty() && text->find_first_of(" \"=\n\r\t\\") == std::string::npos;
      line += bare ? *text : quoted(*text);
    } else if (const auto* whole = std::get_if<int64_t>(&value)) {
      line += std::to_string(*whole);
    } else {
      line += fmt::format("{:.6g}", std::get<double>(value));
    }
  }
  logger().log(to_spdlog(level), spdlog::string_view_t(line));
}

}  // namespace easel::server
