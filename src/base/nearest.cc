#include "base/nearest.h"

#include <algorithm>
#include <utility>

#include "base/files/utf8.h"

namespace easel {
namespace {

// Names longer than this are compared by their first characters only, to bound the work.
constexpr size_t kComparedLength = 160;

std::string folded(std::string_view text) { return lower_ascii(text.substr(0, kComparedLength)); }

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t limit) {
  const std::string wanted = folded(name);
  std::vector<std::pair<size_t, const std::string*>> ranked;
  for (const std::string& candidate : candidates) {
    const std::string other = folded(candidate);
    size_t distance = edit_distance(wanted, other);
    // A name that contains the other is near, however long its rest ("sd15" and "sd15-pruned.safetensors").
    if (wanted.size() >= 3 && other.size() >= 3 &&
        (other.find(wanted) != std::string::npos || wanted.find(other) != std::string::npos))
      distance = std::min<size_t>(distance, 3);
    if (distance * 2 <= std::max(wanted.size(), other.size())) ranked.emplace_back(distance, &candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (size_t i = 0; i < ranked.size() && i < limit; ++i) out.push_back(*ranked[i].second);
  return out;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const auto near = nearest_names(name, candidates);
  std::string out;
  for (size_t i = 0; i < near.size(); ++i)
    out += (i == 0 ? "did you mean '" : i + 1 == near.size() ? " or '" : ", '") + near[i] + "'";
  return out.empty() ? out : out + "?";
}

}  // namespace easel
