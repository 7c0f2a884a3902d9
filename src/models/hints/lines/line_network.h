// Networks that draw the lines and edges of a picture, each in the layout of its published file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "image/hints/byte_picture.h"
#include "models/weights/file_network.h"

namespace easel::models {

enum class LineKind {
  kDrawing,      // "Learning to generate line drawings" (Chan et al. 2022): sk_model.pth, sk_model2.pth
  kAnime,        // the same task by pix2pix' UNet (Isola et al. 2017): netG.pth
  kDifferences,  // PiDiNet (Su et al. 2021), pixel differences: table5_pidinet.pth
  kTiny,         // TEED (Soria et al. 2023): 7_model.pth, MTEED.pth
  kStraight,     // M-LSD (Gu et al. 2022), straight lines: mlsd_large_512_fp32.pth
};
struct LineNetworkNames {
  const char *name, *nodes, *file, *publisher;  // for people; the nodes that use it, a file and who offers it
};
const LineNetworkNames& names_of(LineKind kind);

// Which of the networks a file holds, by the names of its tensors.
std::optional<LineKind> line_kind(const StoredTensors& file);
// The tensors under the names of the network alone, without what a training script put before them.
std::shared_ptr<const StoredTensors> line_tensors(const StoredTensors& file);

class LineNetwork {
 public:
  // `w` has the names of line_tensors(). Throws Error(kBadFile).
  explicit LineNetwork(const nn::Weights& w);
  ~LineNetwork();
  // Throws what the constructor would, without packing anything.
  static void check(const nn::Weights& w);

  LineKind kind() const;
  // pixels [1,H,W,C] f32 -> [1,H',W',C'] f32 on the host:
  //   kDrawing      red first, 0..1, sides multiples of 4 -> 0..1, 0 where a line is
  //   kAnime        red first, -1..1, sides multiples of 256 -> -1..1, -1 where a line is
  //   kDifferences  blue first, 0..1, sides multiples of 8 -> above 0 where an edge is more likely than none
  //   kTiny         red first, 0..255, sides multiples of 8 -> the same
  //   kStraight     red first and a channel of ones, 0..255 / 127.5 - 1, sides multiples of 32 -> [1,H/2,W/2,9]: how
  //                 likely the middle of a line is there, above 0 more than not; in channels 1 to 4 the ways from there
  //                 to its ends: x, y, x, y
  Tensor forward(const Tensor& pixels) const;
  // Working memory of forward(). Estimated from above.
  size_t memory_estimate(int64_t height, int64_t width) const;
  size_t bytes() const;

  class Part;

 private:
  std::unique_ptr<const Part> part_;
};
using LineHandle = FileNetwork<LineNetwork>;

// Throws Error(kUnsupported) naming the file when it is no network of the wanted kind, Error(kBadFile) when it is
// damaged.
LineHandle load_line_network(memory::Residency& residency, const StoredTensors& file, LineKind wanted,
                             const std::string& file_name);

// What comfyui_controlnet_aux makes of a picture whose sides are multiples of 64; one channel, white on black.
image::BytePicture drawn_lines(memory::Residency& residency, const LineHandle& handle,
                               const image::BytePicture& picture);
image::BytePicture anime_lines(memory::Residency& residency, const LineHandle& handle,
                               const image::BytePicture& picture);
// With `steps` above 0 only as many values remain, as image::likelihood_bytes() has it.
image::BytePicture difference_edges(memory::Residency& residency, const LineHandle& handle,
                                    const image::BytePicture& picture, int64_t steps);
image::BytePicture tiny_edges(memory::Residency& residency, const LineHandle& handle, const image::BytePicture& picture,
                              int64_t steps);
// Of the 200 likeliest lines those that are likelier than `score` (0..1) and whose ends are farther apart than
// `distance` (half pixels' pairs: pixels of the half picture). Three channels.
image::BytePicture straight_lines(memory::Residency& residency, const LineHandle& handle,
                                  const image::BytePicture& picture, double score, double distance);

}  // namespace easel::models
