// The events that a node may report while it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace easel::nodes {

// How a sampler's steps are shown.
enum class PreviewMethod {
  kNone,
  kLatentToRgb,  // one pixel for each of the latent's, in colours fitted to its channels
  kTiny,         // by TAESD where the file of its decoder is there, else as above
};

// A small picture of the intermediate result; empty if there is none.
struct Preview {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // height * width * 3
};

// A finished picture on its way to a client instead of a file: number `value`, from 0, of `max`.
struct SentPicture {
  int value = 0, max = 0;
  std::string content_type, data;  // "image/png", the file's bytes
};

// The listener for what a node reports while it runs. This base class ignores everything.
class NodeEvents {
 public:
  virtual ~NodeEvents() = default;
  // `value` of `max` steps are done.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): overrides move the preview on
  virtual void progress([[maybe_unused]] int value, [[maybe_unused]] int max, [[maybe_unused]] Preview preview = {}) {}
  // Whether the next progress() should come with a preview.
  virtual bool wants_preview() { return false; }
  // The models that a sampler needs are in memory: its first step begins.
  virtual void sampling_starts() {}
  // Sends a picture to the client that started the run. False if there is no client that takes it.
  virtual bool send_picture(const SentPicture& picture) {
    (void)picture;
    return false;
  }
  // Something that the user should know and that is not an error.
  virtual void warn(const std::string& text) { (void)text; }
  // Something for users who ask for more (--verbose).
  virtual void detail(const std::string& text) { (void)text; }
  // A typed input of some other node of the prompt, as text; the node is named by id, title or class.
  virtual std::optional<std::string> input_of(const std::string& node, const std::string& input) {
    (void)node, (void)input;
    return std::nullopt;
  }
};

// Ignores all events.
inline NodeEvents& no_events() {
  static NodeEvents nobody;
  return nobody;
}

}  // namespace easel::nodes
