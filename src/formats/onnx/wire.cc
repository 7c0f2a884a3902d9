#include "formats/onnx/wire.h"

#include <cstring>

#include "base/error.h"

namespace easel::formats {

void bad_onnx(const std::string& message) {
  throw Error(Fault::kBadFile, message).fix("The file is damaged or was not downloaded completely");
}

uint64_t WireMessage::varint() {
  constexpr int kBits = 7, kMostShift = 63;
  uint64_t out = 0;
  for (int shift = 0; shift <= kMostShift; shift += kBits) {
    const uint8_t byte = take(1)[0];
    out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return out;
  }
  bad_onnx("a number in it is longer than 64 bits");
}

WireBytes WireMessage::take(uint64_t bytes) {
  if (bytes > rest_.size()) bad_onnx("it ends within a field");
  const WireBytes out = rest_.first(static_cast<size_t>(bytes));
  rest_ = rest_.subspan(static_cast<size_t>(bytes));
  return out;
}

bool WireMessage::next() {
  if (rest_.empty()) return false;
  const uint64_t key = varint();
  field_ = key >> 3;
  form_ = static_cast<Form>(key & 7);
  switch (form_) {
    case Form::kVarint: value_ = varint(); break;
    case Form::kFixed64: content_ = take(8); break;
    case Form::kBytes: content_ = take(varint()); break;
    case Form::kFixed32: content_ = take(4); break;
    default: bad_onnx("a field in it has a form that protocol buffers do not have");
  }
  if (field_ == 0) bad_onnx("a field in it has the number 0");
  return true;
}

void WireMessage::expect(Form form) const {
  if (form_ != form) bad_onnx("a field in it has another form than ONNX gives it");
}

int64_t WireMessage::integer() const {
  expect(Form::kVarint);
  return static_cast<int64_t>(value_);
}

float WireMessage::number() const {
  expect(Form::kFixed32);
  float out = 0;
  std::memcpy(&out, content_.data(), sizeof out);
  return out;
}

WireBytes WireMessage::bytes() const {
  expect(Form::kBytes);
  return content_;
}

std::string_view WireMessage::text() const {
  const WireBytes here = bytes();
  return {reinterpret_cast<const char*>(here.data()), here.size()};
}

void append_varints(WireBytes packed, std::vector<int64_t>& to, size_t most) {
  for (WireMessage m(packed); !m.rest_.empty();) {
    if (to.size() >= most) bad_onnx("a list in it is longer than it may be");
    to.push_back(static_cast<int64_t>(m.varint()));
  }
}

void WireMessage::append(std::vector<int64_t>& to, size_t most) const {
  if (form_ != Form::kVarint) return append_varints(bytes(), to, most);
  if (to.size() >= most) bad_onnx("a list in it is longer than it may be");
  to.push_back(integer());
}

void WireMessage::append(std::vector<float>& to, size_t most) const {
  WireBytes values = content_;
  if (form_ != Form::kFixed32) values = bytes();
  if (values.size() % sizeof(float) != 0) bad_onnx("a list of numbers in it is cut short");
  const size_t count = values.size() / sizeof(float);
  if (to.size() + count > most) bad_onnx("a list in it is longer than it may be");
  const size_t before = to.size();
  to.resize(before + count);
  if (count > 0) std::memcpy(to.data() + before, values.data(), values.size());
}

}  // namespace easel::formats
