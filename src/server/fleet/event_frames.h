// Messages to clients on their way from a runner to the front ends that the clients are connected to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/events/event_hub.h"

namespace easel::server {

struct EventFrame {
  enum class Kind { kText, kPreview, kPicture } kind = Kind::kText;
  Recipients to;
  Urgency urgency = Urgency::kEssential;
  std::string text;        // kText
  PictureMessage picture;  // else
  size_t bytes() const { return text.size() + picture.plain.size() + picture.described.size(); }
};

// Several of them as the body of one request: for each a head of 14 bytes (kind, recipients, urgency, 0, then the
// lengths of the client's id in two bytes and of the two contents in four each, the highest byte first), the id, the
// contents.
std::string encode_frames(const std::vector<EventFrame>& frames);
// Throws Error(kInvalid) for anything else than what encode_frames() writes.
std::vector<EventFrame> decode_frames(std::string_view bytes);

// What a message says of the job it is about: its id, and the node that runs now where it is about that. Both empty for
// other messages. Throws Error(kInvalid) for what is no message of a run.
struct EventSubject {
  std::string job;
  bool tells_node = false;
  std::string node;
};
EventSubject subject_of(const EventFrame& frame);

}  // namespace easel::server
