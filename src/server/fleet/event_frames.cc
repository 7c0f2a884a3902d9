#include "server/fleet/event_frames.h"

#include <cstdint>

#include "base/error.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::Json;

namespace {

constexpr size_t kMostFrames = 100000, kLongestClient = 512;

[[noreturn]] void malformed() {
  throw Error(Fault::kInvalid, "these are no messages of a runner")
      .fix("Run the same Easel on all machines of a fleet");
}

void append(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

// Reads a body from its beginning on.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::string_view bytes(size_t n) {
    if (n > rest_.size()) malformed();
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  uint32_t number(size_t n) {
    uint32_t out = 0;
    for (const char c : bytes(n)) out = out << 8 | static_cast<uint8_t>(c);
    return out;
  }
  // One of the first `count` values of an enumeration.
  template <class Enum>
  Enum one_of(uint32_t count) {
    const uint32_t value = number(1);
    if (value >= count) malformed();
    return static_cast<Enum>(value);
  }

 private:
  std::string_view rest_;
};

// The metadata of a picture (EventFrame::picture.described): the number 4, its length, itself.
std::string_view metadata_of(std::string_view described) {
  Reader reader(described);
  if (reader.number(4) != 4) malformed();
  return reader.bytes(reader.number(4));
}

std::string text_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string encode_frames(const std::vector<EventFrame>& frames) {
  std::string out;
  for (const EventFrame& f : frames) {
    const bool text = f.kind == EventFrame::Kind::kText;
    const std::string &first = text ? f.text : f.picture.plain, second = text ? std::string() : f.picture.described;
    append(out, static_cast<uint64_t>(f.kind), 1);
    append(out, static_cast<uint64_t>(f.to.kind), 1);
    append(out, static_cast<uint64_t>(f.urgency), 1);
    append(out, 0, 1);
    append(out, f.to.client_id.size(), 2);
    append(out, first.size(), 4);
    append(out, second.size(), 4);
    out += f.to.client_id + first + second;
  }
  return out;
}

std::vector<EventFrame> decode_frames(std::string_view bytes) {
  std::vector<EventFrame> out;
  Reader reader(bytes);
  while (!reader.done()) {
    if (out.size() >= kMostFrames) malformed();
    EventFrame f;
    f.kind = reader.one_of<EventFrame::Kind>(3);
    f.to.kind = reader.one_of<Recipients::Kind>(3);
    f.urgency = reader.one_of<Urgency>(3);
    if (reader.number(1) != 0) malformed();
    const uint32_t client = reader.number(2), first = reader.number(4), second = reader.number(4);
    if (client > kLongestClient) malformed();
    f.to.client_id = reader.bytes(client);
    if (f.kind == EventFrame::Kind::kText) {
      f.text = reader.bytes(first);
      if (second != 0) malformed();
    } else {
      f.picture.plain = reader.bytes(first);
      f.picture.described = reader.bytes(second);
    }
    out.push_back(std::move(f));
  }
  return out;
}

EventSubject subject_of(const EventFrame& frame) {
  if (frame.kind != EventFrame::Kind::kText)
    return {text_at(workflow::parse_json(metadata_of(frame.picture.described)), "prompt_id"), false, {}};
  const Json message = workflow::parse_json(frame.text);
  if (!message.is_object() || !message.contains("data") || !message["data"].is_object()) malformed();
  const Json& data = message["data"];
  EventSubject out{text_at(data, "prompt_id"), text_at(message, "type") == "executing", {}};
  if (out.tells_node) out.node = text_at(data, "node");
  return out;
}

}  // namespace easel::server
