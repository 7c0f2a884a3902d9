// Regular expressions and the texts they are tried on: the pattern is the first line, the replacement the second.
#include "text/regex.h"

#include "base/error.h"
#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const std::string_view all = text_of(bytes);
  if (all.size() > 512) return;
  const size_t first = all.find('\n'), second = first == all.npos ? all.npos : all.find('\n', first + 1);
  if (second == all.npos) return;
  const text::CodePoints characters = text::decode_utf8(all.substr(second + 1));
  const text::Regex regex(all.substr(0, first), {});
  for (const text::Regex::Match& match : regex.find_all(characters))
    for (const auto& group : match.groups)
      require(!group || (group->first <= group->second && group->second <= characters.size()));
  (void)regex.replace(characters, all.substr(first + 1, second - first - 1));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
