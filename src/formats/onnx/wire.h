// The wire format of protocol buffers: one message, field by field (protobuf.dev, "Encoding").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easel::formats {

using WireBytes = std::span<const uint8_t>;

// Far above any published network.
constexpr size_t kMostDims = 64, kLongestName = 4096;

// Throws Error(kBadFile), with what to do about it.
[[noreturn]] void bad_onnx(const std::string& message);

// Reads within its bytes only; whatever does not fit throws Error(kBadFile).
class WireMessage {
 public:
  explicit WireMessage(WireBytes bytes) : rest_(bytes) {}

  // Goes to the next field. False at the end of the message.
  bool next();
  uint64_t field() const { return field_; }

  // The value of the field, which must have that form.
  int64_t integer() const;  // also an enum or a truth value
  float number() const;
  WireBytes bytes() const;  // of a text or a message inside
  std::string_view text() const;
  // Adds the value of a repeated field, or all of them where they are packed into one. No more than `most` in all.
  void append(std::vector<int64_t>& to, size_t most) const;
  void append(std::vector<float>& to, size_t most) const;

 private:
  enum class Form : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  friend void append_varints(WireBytes packed, std::vector<int64_t>& to, size_t most);
  uint64_t varint();
  WireBytes take(uint64_t bytes);
  void expect(Form form) const;

  WireBytes rest_, content_;
  uint64_t field_ = 0, value_ = 0;
  Form form_ = Form::kVarint;
};

// Adds the numbers packed into one field. Throws Error(kBadFile) if there are more than `most` in all.
void append_varints(WireBytes packed, std::vector<int64_t>& to, size_t most);

}  // namespace easel::formats
