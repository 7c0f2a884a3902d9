// The published layouts of upscalers.
#include <algorithm>
#include <charconv>
#include <set>

#include "models/upscaler.h"

namespace easel::models {
namespace {

constexpr std::string_view kOldBody = "model.1.sub.";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  if (const size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

// The number at the beginning of `text`, or -1.
int64_t leading_number(std::string_view text) {
  int64_t value = -1;
  std::from_chars(text.data(), text.data() + std::min<size_t>(text.size(), 9), value);
  return value;
}

// The numbers N of "PREFIX N.", in order.
std::set<int64_t> numbers_below(const TensorMap& file, std::string_view prefix) {
  std::set<int64_t> out;
  for (const auto& [name, tensor] : file)
    if (name.starts_with(prefix))
      if (const int64_t n = leading_number(std::string_view(name).substr(prefix.size())); n >= 0) out.insert(n);
  return out;
}

// model.0, then model.1.sub with the residual blocks and one convolution, then the convolutions after each doubling
// (model.3, model.6, ...), and two more.
std::shared_ptr<TensorMap> from_numbered(const TensorMap& file, const std::string& prefix) {
  const std::set<int64_t> parts = numbers_below(file, prefix + "model."),
                          body = numbers_below(file, prefix + "model.1.sub.");
  std::vector<int64_t> after;
  for (const int64_t n : parts)
    if (n > 1) after.push_back(n);
  if (after.size() < 2 || body.size() < 2) return nullptr;
  const auto place = [&](std::string_view name) -> std::string {
    if (name.starts_with(kOldBody)) {
      std::string rest(name.substr(kOldBody.size()));
      const int64_t n = leading_number(rest);
      if (n == *body.rbegin()) return "conv_body." + rest.substr(rest.find('.') + 1);
      rest = replaced(std::move(rest), ".RDB", ".rdb");
      for (const char* ending : {".0.weight", ".0.bias"})
        if (rest.ends_with(ending)) rest.erase(rest.size() - std::string_view(ending).size(), 2);
      return "body." + rest;
    }
    const int64_t n = leading_number(name.substr(6));
    const std::string ending(name.substr(name.rfind('.')));
    if (n == 0) return "conv_first" + ending;
    const auto at = std::find(after.begin(), after.end(), n) - after.begin();
    const auto last = static_cast<std::ptrdiff_t>(after.size()) - 1;
    return (at == last ? "conv_last" : at == last - 1 ? "conv_hr" : "conv_up" + std::to_string(at + 1)) + ending;
  };
  auto out = std::make_shared<TensorMap>();
  for (const auto& [name, tensor] : file)
    if (name.starts_with(prefix + "model.") && name.rfind('.') > prefix.size() + 6)
      out->set(place(std::string_view(name).substr(prefix.size())), tensor);
  return out;
}

std::shared_ptr<TensorMap> from_named(const TensorMap& file, const std::string& prefix) {
  auto out = std::make_shared<TensorMap>();
  for (const auto& [full, tensor] : file) {
    if (!full.starts_with(prefix)) continue;
    std::string name = full.substr(prefix.size());
    if (name.starts_with("RRDB_trunk."))
      name = replaced(replaced(std::move(name), "RRDB_trunk.", "body."), ".RDB", ".rdb");
    else if (name.starts_with("trunk_conv.")) name = replaced(std::move(name), "trunk_conv", "conv_body");
    else if (name.starts_with("upconv")) name = replaced(std::move(name), "upconv", "conv_up");
    else if (name.starts_with("HRconv.")) name = replaced(std::move(name), "HRconv", "conv_hr");
    out->set(std::move(name), tensor);
  }
  return out;
}

bool is_map_of_rank(const TensorMap& file, const std::string& name, int rank) {
  const Tensor* t = file.find(name);
  return t && t->rank() == rank;
}

}  // namespace

std::shared_ptr<const TensorMap> upscaler_tensors(const TensorMap& file) {
  for (const char* wrapper :
       {"", "params_ema.", "params-ema.", "params.", "state_dict.", "model.", "net.", "module."}) {
    const std::string prefix = wrapper;
    if (is_map_of_rank(file, prefix + "model.0.weight", 4) &&
        is_map_of_rank(file, prefix + "model.1.sub.0.RDB1.conv1.0.weight", 4))
      return from_numbered(file, prefix);
    const bool dense = is_map_of_rank(file, prefix + "conv_first.weight", 4) &&
                       (is_map_of_rank(file, prefix + "body.0.rdb1.conv1.weight", 4) ||
                        is_map_of_rank(file, prefix + "RRDB_trunk.0.RDB1.conv1.weight", 4));
    const bool compact = is_map_of_rank(file, prefix + "body.0.weight", 4) &&
                         is_map_of_rank(file, prefix + "body.1.weight", 1) &&
                         is_map_of_rank(file, prefix + "body.2.weight", 4);
    if (dense || compact) return from_named(file, prefix);
  }
  return nullptr;
}

}  // namespace easel::models
