#include "nodes/extensions/controls/index_strengths.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "base/cancel.h"
#include "base/error.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMany = 100000;  // of pictures in all ranges together

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::kInvalid, what).at_input("index_strengths").fix("Write them as 0=0.5, 2:5=0.8, 7");
}

template <class T>
T number(std::string_view text, const char* kind) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse("'" + std::string(text) + "' is not " + kind);
  return value;
}

int64_t index(std::string_view text) { return number<int64_t>(text, "a whole number"); }

// Python's position of a slice.
int64_t position(int64_t at, int64_t count) { return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count); }

}  // namespace

models::LatentKeyframes parse_index_strengths(const std::string& text, int64_t count) {
  models::LatentKeyframes out;
  if (text.empty()) return out;
  int64_t all = 0;
  const auto count_in = [&](int64_t more, std::string_view part) {
    poll_cancelled();
    all += more;
    if (all > kMany) refuse("with '" + std::string(part) + "' there are too many of them");
  };
  for (std::string_view rest = text; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view part = trimmed(rest.substr(0, comma));
    const bool last = comma == rest.size();
    rest.remove_prefix(last ? comma : comma + 1);
    if (rest.empty() && !last) refuse("there is nothing behind the last comma");
    double strength = 1.0;
    if (const size_t equals = part.find('='); equals != std::string_view::npos) {
      strength = number<double>(trimmed(part.substr(equals + 1)), "a number");
      if (!(strength >= 0) || !std::isfinite(strength)) refuse("strengths are numbers from 0 up");
      part = trimmed(part.substr(0, equals));
    }
    if (const size_t colon = part.find(':'); colon != std::string_view::npos) {
      int64_t from = index(trimmed(part.substr(0, colon))), to = index(trimmed(part.substr(colon + 1)));
      if (count > 0) {
        from = position(from, count);
        to = position(to, count);
      }
      if (from >= to) continue;
      if (from < -kMany || to > kMany) refuse("'" + std::string(part) + "' is a range of too many");
      count_in(to - from, part);
      for (int64_t i = from; i < to; ++i) out.set(i, strength);
      continue;
    }
    int64_t at = index(part);
    if (count > 0 && (at >= count || at < -count))
      refuse("there is no picture " + std::to_string(at) + " in a batch of " + std::to_string(count));
    if (at < 0 && count == 0) refuse("indices below 0 need a latent, from whose end they count");
    count_in(1, part);
    out.set(at < 0 ? at + count : at, strength);
  }
  return out;
}

}  // namespace easel::nodes
