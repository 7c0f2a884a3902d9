// Settings: first line what a client sends, rest the file that is there.
#include "server/routes/settings.h"

#include "fuzz/fuzz.h"
#include "server/log.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  std::string_view rest = text_of(bytes);
  const std::string_view sent = cut(rest);
  const std::filesystem::path file = file_of({reinterpret_cast<const uint8_t*>(rest.data()), rest.size()});
  server::configure_log(server::Level::kError, false);
  server::Settings settings(file);
  const workflow::Json before = settings.read();
  require(before.is_object());
  std::filesystem::path damaged = file;
  damaged += ".damaged";
  const bool kept = std::filesystem::remove(damaged);
  require(std::filesystem::exists(file) || kept);
  settings.merge(workflow::parse_json(sent));
  require(settings.read().is_object() && !std::filesystem::remove(damaged));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
