#include "formats/pictures/exif.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "formats/utf8.h"

namespace easel::formats {
namespace {

constexpr uint32_t kOrientation = 0x0112, kExifDirectory = 0x8769, kUserComment = 0x9286;
constexpr uint32_t kMaxEntries = 1000;

// A TIFF structure: reads outside of it yield nothing.
class Tiff {
 public:
  explicit Tiff(std::span<const uint8_t> data) : data_(data) {
    if (data.size() >= 8 && (data[0] == 'I' || data[0] == 'M') && data[0] == data[1]) {
      little_ = data[0] == 'I';
      good_ = true;
    }
  }
  bool good() const { return good_; }
  std::optional<uint32_t> number(uint64_t at, uint64_t width) const {
    if (at > data_.size() || data_.size() - at < width) return std::nullopt;
    uint32_t v = 0;
    for (uint64_t i = 0; i < width; ++i) v = v << 8 | data_[at + (little_ ? width - 1 - i : i)];
    return v;
  }
  std::string_view text(uint64_t at, uint64_t length) const {
    if (at > data_.size() || data_.size() - at < length) return {};
    return {reinterpret_cast<const char*>(data_.data()) + at, length};
  }
  bool little() const { return little_; }

 private:
  std::span<const uint8_t> data_;
  bool little_ = true, good_ = false;
};

struct Entry {
  uint32_t tag, type, count;
  uint64_t at;  // where the value lies
};

uint64_t type_width(uint32_t type) {
  constexpr uint8_t kWidths[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
  return type < sizeof kWidths ? kWidths[type] : 0;
}

std::vector<Entry> directory(const Tiff& tiff, uint64_t at) {
  std::vector<Entry> entries;
  const uint32_t count = std::min(tiff.number(at, 2).value_or(0), kMaxEntries);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t e = at + 2 + uint64_t{12} * i;
    const auto tag = tiff.number(e, 2), type = tiff.number(e + 2, 2), n = tiff.number(e + 4, 4),
               value = tiff.number(e + 8, 4);
    if (!value) break;
    const bool is_inline = type_width(*type) * *n <= 4;
    entries.push_back({*tag, *type, *n, is_inline ? e + 8 : *value});
  }
  return entries;
}

std::string utf16_to_utf8(std::string_view s, bool little) {
  std::string out;
  for (size_t i = 0; i + 1 < s.size(); i += 2) {
    const auto unit = [&](size_t j) {
      const auto a = static_cast<uint8_t>(s[j]), b = static_cast<uint8_t>(s[j + 1]);
      return static_cast<uint32_t>(little ? a | b << 8 : a << 8 | b);
    };
    uint32_t c = unit(i);
    if (c >= 0xd800 && c < 0xdc00 && i + 3 < s.size() && (unit(i + 2) & 0xfc00) == 0xdc00) {
      c = 0x10000 + ((c & 0x3ff) << 10) + (unit(i + 2) & 0x3ff);
      i += 2;
    }
    if (c == 0) break;
    append_utf8(out, c);
  }
  return out;
}

// The comment starts with eight bytes that name its encoding.
std::string user_comment(std::string_view s, bool little) {
  if (s.size() < 8) return {};
  const std::string_view code = s.substr(0, 8), rest = s.substr(8);
  if (code.starts_with("UNICODE")) return utf16_to_utf8(rest, little);
  return to_utf8(rest.substr(0, rest.find('\0')));
}

}  // namespace

void read_exif(std::span<const uint8_t> data, PictureHead& head) {
  if (data.size() > 6 && std::memcmp(data.data(), "Exif\0\0", 6) == 0) data = data.subspan(6);
  const Tiff tiff(data);
  if (!tiff.good()) return;
  // Honest texts lie side by side. Without a limit many entries could claim the same megabytes.
  uint64_t left = data.size();
  const auto text = [&](const Entry& e) {
    const std::string_view s = tiff.text(e.at, e.count);
    if (s.size() > left) return std::string_view();
    left -= s.size();
    return s;
  };
  for (const Entry& e : directory(tiff, tiff.number(4, 4).value_or(0))) {
    if (e.tag == kOrientation && e.count >= 1) {
      const uint32_t value =
          tiff.number(e.at, std::min<uint64_t>(4, std::max<uint64_t>(1, type_width(e.type)))).value_or(1);
      if (value >= 1 && value <= 8) head.orientation = static_cast<int>(value);
    } else if (e.type == 2) {
      const std::string_view s = text(e);
      const std::string_view content = s.substr(0, s.find('\0'));
      const size_t colon = content.find(':');
      if (colon > 0 && colon < 80)
        head.text.emplace(to_utf8(content.substr(0, colon)), to_utf8(content.substr(colon + 1)));
    } else if (e.tag == kExifDirectory) {
      for (const Entry& inner : directory(tiff, tiff.number(e.at, 4).value_or(0)))
        if (inner.tag == kUserComment) {
          std::string comment = user_comment(text(inner), tiff.little());
          if (!comment.empty()) head.text.emplace("UserComment", std::move(comment));
        }
    }
  }
}

void read_xmp(std::string_view xmp, PictureHead& head) {
  if (head.orientation != 1) return;
  for (const std::string_view tag : {"tiff:Orientation=\"", "tiff:Orientation>"}) {
    const size_t at = xmp.find(tag);
    if (at == std::string_view::npos || at + tag.size() >= xmp.size()) continue;
    const char digit = xmp[at + tag.size()];
    if (digit >= '1' && digit <= '8') head.orientation = digit - '0';
  }
}

std::string exif_of(const std::vector<std::pair<std::string, std::string>>& text) {
  constexpr uint32_t kModel = 0x0110, kAscii = 2, kMost = 16, kHeader = 8, kEntry = 12;
  std::map<uint32_t, std::string> tags;  // in rising order, as TIFF asks
  for (const auto& [name, content] : text)
    if (tags.size() < kMost)
      tags.emplace(kModel - static_cast<uint32_t>(tags.size()), name + ":" + content + std::string(1, '\0'));
  std::string out("II*\0", 4), values;
  const auto append = [](std::string& to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i));
  };
  append(out, kHeader, 4);
  append(out, tags.size(), 2);
  const size_t behind = kHeader + 2 + tags.size() * kEntry + 4;
  for (const auto& [tag, value] : tags) {
    append(out, tag, 2);
    append(out, kAscii, 2);
    append(out, value.size(), 4);
    if (value.size() <= 4) {
      out += value + std::string(4 - value.size(), '\0');
      continue;
    }
    append(out, behind + values.size(), 4);
    values += value;
    if (values.size() % 2 != 0) values += '\0';
  }
  append(out, 0, 4);  // no further directory
  return out + values;
}

}  // namespace easel::formats
