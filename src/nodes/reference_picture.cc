#include "nodes/reference_picture.h"

#include <cstdlib>

namespace easel::nodes {

void tell_of_crop(const Call& call, const Tensor& pictures) {
  const int64_t height = pictures.dim(1), width = pictures.dim(2);
  const int64_t lost = std::abs(width - height);
  // A few per cent at the edges are not worth a word.
  if (lost * 20 < std::max(width, height)) return;
  call.warn(
      "the reference picture is " + std::to_string(width) + "x" + std::to_string(height) + ", not square: " +
      std::to_string(lost / 2) + " pixels at the " + (width > height ? "left and right" : "top and bottom") +
      " will not be seen. PrepImageForClipVision crops elsewhere or pads; crop 'none' of CLIPVisionEncode squeezes");
}

}  // namespace easel::nodes
