#include "models/detect/yolo_file.h"

#include <charconv>

namespace easel::models {
namespace {

template <class T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string YoloModule::kind() const {
  const std::string name = text("__class__").value_or("");
  return name.substr(name.rfind('.') + 1);
}

int64_t YoloModule::count() const {
  constexpr int64_t kMost = 1000;
  int64_t n = 0;
  while (n < kMost && !(*this)[n].kind().empty()) ++n;
  return n;
}

std::optional<std::string> YoloModule::text(const std::string& name) const {
  const auto it = about_->find(weights_.full(name));
  if (it == about_->end()) return std::nullopt;
  return it->second;
}

int64_t YoloModule::integer(const std::string& name, std::optional<int64_t> absent) const {
  const auto written = text(name);
  if (!written && absent) return *absent;
  if (!written) damaged("does not say its " + name);
  const auto value = parsed<int64_t>(*written);
  if (!value) damaged("has the " + name + " '" + *written + "', which is no whole number");
  return *value;
}

std::vector<int64_t> YoloModule::integers(const std::string& name) const {
  const auto written = text(name);
  if (!written) damaged("does not say its " + name);
  constexpr size_t kMost = 64;
  std::vector<int64_t> out;
  for (std::string_view rest = *written; !rest.empty();) {
    if (out.size() == kMost) damaged("has a list of " + name + " that is too long");
    const size_t end = std::min(rest.find(','), rest.size());
    const auto value = parsed<int64_t>(rest.substr(0, end));
    if (!value) damaged("has the " + name + " '" + *written + "', which are no whole numbers");
    out.push_back(*value);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

double YoloModule::number(const std::string& name) const {
  const auto written = text(name);
  if (!written) damaged("does not say its " + name);
  const auto value = parsed<double>(*written);
  if (!value) damaged("has the " + name + " '" + *written + "', which is no number");
  return *value;
}

bool YoloModule::flag(const std::string& name, std::optional<bool> absent) const {
  const auto written = text(name);
  if (!written && absent) return *absent;
  if (!written || (*written != "True" && *written != "False")) damaged("does not say whether it has " + name);
  return *written == "True";
}

std::string YoloModule::named() const {
  std::string place = weights_.full("");
  if (place.ends_with('.')) place.pop_back();
  const std::string what = kind();
  return "the module '" + place + "'" + (what.empty() ? "" : " (" + what + ")") + " ";
}

void YoloModule::refuse(const std::string& what) const {
  throw Error(Fault::kUnsupported, named() + what)
      .in_file(weights_.file())
      .fix("Easel runs YOLOv8 and YOLO11 of ultralytics that find boxes or masks");
}

void YoloModule::damaged(const std::string& what) const {
  throw Error(Fault::kBadFile, named() + what).in_file(weights_.file());
}

bool is_yolo(const formats::ModelFile& file) {
  for (const char* place : {"ema.", "model.", ""}) {
    const auto it = file.metadata.find(std::string(place) + "__class__");
    if (it != file.metadata.end() && it->second.find("ultralytics.") == 0) return true;
  }
  return false;
}

}  // namespace easel::models
