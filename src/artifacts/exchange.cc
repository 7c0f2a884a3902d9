#include "artifacts/exchange.h"

#include <algorithm>
#include <random>

#include "base/error.h"

namespace easel::artifacts {
namespace {

constexpr size_t kLongestId = 128;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

Name exchanged(const std::string& id) {
  const bool good =
      !id.empty() && id.size() <= kLongestId && is_alphanumeric(id.front()) &&
      std::all_of(id.begin(), id.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
  if (!good)
    throw Error(Fault::kInvalid, "'" + id.substr(0, kLongestId) + "' is no id of a picture")
        .fix("An id is 1 to 128 letters, digits, '-', '_' and '.', and begins with a letter or digit");
  return {Area::kTemp, "exchange", id + ".picture"};
}

std::string new_exchange_id() {
  std::random_device device;
  std::string out;
  constexpr int kWords = 4, kDigits = 8;
  for (int i = 0; i < kWords; ++i) {
    const uint32_t word = device();
    for (int digit = 0; digit < kDigits; ++digit) out += "0123456789abcdef"[word >> (4 * digit) & 15];
  }
  return out;
}

}  // namespace easel::artifacts
