// Messages of runners, as they come to a front end: what is taken is what was sent, to the byte.
#include "fuzz/fuzz.h"
#include "server/fleet/event_frames.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const std::vector<server::EventFrame> frames = server::decode_frames(text_of(bytes));
  require(server::encode_frames(frames) == text_of(bytes));
  size_t contents = 0;
  for (const server::EventFrame& frame : frames) contents += frame.bytes() + frame.to.client_id.size();
  require(contents <= bytes.size());
  for (const server::EventFrame& frame : frames) {
    const server::EventSubject about = server::subject_of(frame);
    require(about.tells_node || about.node.empty());
  }
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
