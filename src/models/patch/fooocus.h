// Fooocus' inpaint patch: makes an SDXL model fill what a mask leaves open.
#pragma once

#include <memory>
#include <string>

#include "formats/tensors/model_file.h"
#include "models/handles.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// The two files of a patch.
struct InpaintPatch {
  std::string file, head_file;  // names, for messages
  StoredTensor head;            // [model_channels,5,3,3]: from the mask and a latent to the first map
  // Differences of weights, three tensors for each: values 0..255, and what 0 and 255 stand for.
  std::shared_ptr<const StoredTensors> weights;
  std::string identity;  // changes whenever the second file does
};

// Throws Error(kUnsupported) naming the file that is not what it should be.
InpaintPatch read_inpaint_patch(const formats::ModelFile& head, const formats::ModelFile& weights);

// The model with the patch's weights added (value / 255 * (most - least) + least), and `feature` [N,h,w,model_channels]
// f32 added to the map that the first input block makes, the batch repeated as often as needed. Throws
// Error(kMismatch), naming the files, for models other than SDXL's, and when none of the patch's weights or not the
// feature fits the model. In a run it
// throws Error(kMismatch) for a latent of another size than the feature's.
ModelHandle with_inpaint_patch(const ModelHandle& model, const InpaintPatch& patch, const Tensor& feature);

}  // namespace easel::models
