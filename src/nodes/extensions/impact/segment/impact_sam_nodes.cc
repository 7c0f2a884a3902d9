// Segment Anything in Impact-Pack's nodes (github.com/ltdrdata/ComfyUI-Impact-Pack).
#include <algorithm>
#include <string>
#include <utility>

#include "library/folders.h"
#include "library/model_files.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/extensions/impact/segment/sam_masks.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

struct Load {
  std::string model_name, device_mode;
};
struct Detect : SamHints {
  Linked<SamModel> sam_model;
  Linked<Segments> segs;
  Linked<Image> image;
};

Results<SamModel> load(const Load& in, Call& call) {
  const auto file = call.context().files.open(call.context().folders.find("sams", in.model_name));
  return {SamModel{models::load_sam(call.context().residency, *file->tensors, file->name())}};
}

// Three masks after another in one, as the original joins them, whether they are of one part or not.
Results<Mask, Mask> segmented(const Detect& in, Call& call) {
  const std::vector<Tensor> masks = sam_masks(*in.sam_model, *in.segs, *in.image, in, call);
  const Tensor together = masks_together(masks, *in.image);
  if (masks.empty()) return {together, std::nullopt};
  constexpr size_t kTogether = 3;
  std::vector<Tensor> batch;
  for (size_t i = 0; i < masks.size(); i += kTogether)
    batch.push_back(masks_together({masks.begin() + static_cast<ptrdiff_t>(i),
                                    masks.begin() + static_cast<ptrdiff_t>(std::min(i + kTogether, masks.size()))},
                                   *in.image));
  return {dilated(together, in.dilation), ops::concat(batch, 0)};
}

Inputs<Detect> inputs() {
  return {Link("sam_model", &Detect::sam_model),
          Link("segs", &Detect::segs),
          Link("image", &Detect::image),
          sam_hint_input<SamHints>("detection_hint"),
          sam_dilation_input<SamHints>("dilation"),
          sam_threshold_input<SamHints>("threshold"),
          sam_expansion_input<SamHints>("bbox_expansion"),
          sam_mask_threshold_input<SamHints>("mask_hint_threshold"),
          sam_negative_input<SamHints>("mask_hint_use_negative")};
}

std::optional<ForeseenMask> foreseen_mask(const ForeseenPicture* picture) {
  if (!picture) return std::nullopt;
  return ForeseenMask{.width = picture->width, .height = picture->height, .count = 1};
}

}  // namespace

void register_impact_sam_nodes(Table& table) {
  table.add(
      NodeOf<Load>{.name = "SAMLoader",
                   .display = "SAMLoader (Impact)",
                   .category = "ImpactPack",
                   .description = "Opens Segment Anything, which makes masks of what lies at places in a picture.",
                   .origin = "impact",
                   .inputs = {File("model_name", &Load::model_name, "sams"),
                              Choice("device_mode", &Load::device_mode, {"AUTO", "Prefer GPU", "CPU"})
                                  .tip("Where the original keeps it; here it computes where --device says.")},
                   .runs_when_checked = true,
                   .run = load});
  constexpr const char* kCategory = "ImpactPack/Detector";
  table.add(NodeOf<Detect>{
      .name = "SAMDetectorCombined",
      .display = "SAMDetector (combined)",
      .category = kCategory,
      .description = "What Segment Anything makes of parts, in one mask.",
      .origin = "impact",
      .inputs = inputs(),
      .run = [](const Detect& in, Call& call) -> Results<Mask> {
        return {sam_mask(*in.sam_model, *in.segs, *in.image, in, call)};
      },
      .foresee = [](const Known<Detect>& in) -> Foreseen<Mask> { return {foreseen_mask(in(&Detect::image))}; }});
  table.add(NodeOf<Detect>{.name = "SAMDetectorSegmented",
                           .display = "SAMDetector (segmented)",
                           .category = kCategory,
                           .description = "What Segment Anything makes of parts, in one mask and in several.",
                           .origin = "impact",
                           .inputs = inputs(),
                           .outputs = {{"combined_mask"}, {"batch_masks"}},
                           .run = segmented,
                           .foresee = [](const Known<Detect>& in) -> Foreseen<Mask, Mask> {
                             return {foreseen_mask(in(&Detect::image)), std::nullopt};
                           }});
}

}  // namespace easel::nodes
