#include "nodes/common/reference_picture.h"

#include <algorithm>
#include <cstdlib>

namespace easel::nodes {
namespace {

void warn_of_crop(const Call& call, int64_t width, int64_t height) {
  const int64_t lost = std::abs(width - height);
  // A loss of less than five per cent is not worth a warning.
  if (lost * 20 < std::max(width, height)) return;
  call.warn(
      "the reference picture is " + std::to_string(width) + "x" + std::to_string(height) + ", not square: " +
      std::to_string(lost / 2) + " pixels at the " + (width > height ? "left and right" : "top and bottom") +
      " will not be seen. PrepImageForClipVision crops elsewhere or pads; crop 'none' of CLIPVisionEncode squeezes");
}

}  // namespace

void warn_of_crop(const Call& call, const Tensor& pictures) { warn_of_crop(call, pictures.dim(2), pictures.dim(1)); }

void warn_of_blending(const Call& call, int64_t count, bool each_its_own) {
  if (count < 2) return;
  const std::string number = std::to_string(count);
  if (each_its_own)
    call.warn("each of the " + number + " reference pictures steers one picture of the batch: the latent needs a " +
              "batch_size of " + number + ". IPAdapterAdvanced lets them steer every picture together");
  else
    call.warn("the " + number + " reference pictures together steer every picture. IPAdapterBatch (unfold_batch of " +
              "IPAdapterApply) gives each picture of a batch one of its own");
}

void warn_of_crop(const Call& call, const ForeseenPicture* pictures) {
  if (pictures) warn_of_crop(call, pictures->width, pictures->height);
}

void warn_of_blending(const Call& call, const ForeseenPicture* pictures, bool each_its_own) {
  if (pictures) warn_of_blending(call, pictures->count, each_its_own);
}

}  // namespace easel::nodes
