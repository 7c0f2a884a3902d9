#include "formats/heic/hevc_size.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

// Bits from the highest of the first byte on; zeros beyond the end.
class Bits {
 public:
  explicit Bits(Bytes bytes) : bytes_(bytes) {}
  void skip(size_t count) { at_ += count; }
  uint32_t take(size_t count) {
    uint32_t out = 0;
    for (; count > 0; --count, ++at_)
      out = out << 1 | (at_ / 8 < bytes_.size() ? bytes_[at_ / 8] >> (7 - at_ % 8) & 1u : 0u);
    return out;
  }
  // Exp-Golomb code, ue(v).
  uint64_t number() {
    size_t zeros = 0;
    while (zeros < 32 && at_ / 8 < bytes_.size() && take(1) == 0) ++zeros;
    return (uint64_t{1} << zeros) - 1 + take(zeros);
  }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

// ITU-T H.265, 7.3.2.2 and 7.3.3, as far as the size.
uint64_t pixels_of(Bytes unit) {
  std::vector<uint8_t> plain;  // without the bytes that keep start codes out
  for (size_t i = 2; i < unit.size(); ++i)
    if (!(i >= 4 && unit[i] == 3 && unit[i - 1] == 0 && unit[i - 2] == 0)) plain.push_back(unit[i]);
  Bits bits(plain);
  bits.skip(4);
  const uint32_t layers = bits.take(3);
  bits.skip(1 + 96);
  uint32_t present[8] = {};
  for (uint32_t i = 0; i < layers; ++i) present[i] = bits.take(2);
  if (layers > 0) bits.skip(2 * (8 - size_t{layers}));
  for (uint32_t i = 0; i < layers; ++i) bits.skip((present[i] & 2 ? 88 : 0) + (present[i] & 1 ? 8 : 0));
  bits.number();
  if (bits.number() == 3) bits.skip(1);
  const uint64_t width = bits.number(), height = bits.number();
  return width > 0xffffff || height > 0xffffff ? ~uint64_t{0} : width * height;
}

// ISO/IEC 14496-15, 8.3.3.1: arrays of parameter sets.
uint64_t largest_in(Bytes configuration) {
  if (configuration.size() < 23) return 0;
  uint64_t largest = 0;
  size_t at = 23;
  for (int array = 0; array < configuration[22]; ++array) {
    if (configuration.size() - at < 3) break;
    const int type = configuration[at] & 0x3f;
    const int count = configuration[at + 1] << 8 | configuration[at + 2];
    at += 3;
    for (int i = 0; i < count && configuration.size() - at >= 2; ++i) {
      const size_t length = static_cast<size_t>(configuration[at] << 8 | configuration[at + 1]);
      at += 2;
      if (length > configuration.size() - at) return largest;
      if (type == 33) largest = std::max(largest, pixels_of(configuration.subspan(at, length)));
      at += length;
    }
  }
  return largest;
}

}  // namespace

uint64_t largest_hevc_picture(Bytes file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  constexpr size_t kLongest = 1 << 16;
  uint64_t largest = 0;
  for (size_t at = text.find("hvcC"); at != std::string_view::npos; at = text.find("hvcC", at + 4))
    largest = std::max(largest, largest_in(file.subspan(at + 4, std::min(kLongest, file.size() - at - 4))));
  return largest;
}

}  // namespace easel::formats
