// Pictures of a batch in one style (github.com/brianfitzgerald/style_aligned_comfy).
#include "models/model_patch.h"
#include "models/unet/style_aligned.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

enum class Norms { kBoth, kGroup, kLayer, kNone };
enum class Rows { kQueriesKeys, kAll, kNone };

struct Align {
  Linked<ModelHandle> model;
  Norms share_norm = Norms::kBoth;
  Rows share_attn = Rows::kQueriesKeys;
  double scale = 1.0;
};

Results<ModelHandle> align(const Align& in) {
  models::unet_of(*in.model, "StyleAligned");
  models::StyleAligned how;
  how.align_queries = how.align_keys = in.share_attn != Rows::kNone;
  how.align_values = in.share_attn == Rows::kAll;
  how.scale = static_cast<float>(in.scale);
  // Layer norms are of one token each, so that sharing them changes nothing.
  how.share_norms = in.share_norm == Norms::kBoth || in.share_norm == Norms::kGroup;
  return {models::with_patch(*in.model, models::attention_patch(models::style_aligned(how)))};
}

}  // namespace

void register_style_aligned_nodes(Table& table) {
  table.add(NodeOf<Align>{
      .name = "StyleAlignedBatchAlign",
      .display = "StyleAligned Batch Align",
      .category = "style_aligned",
      .description =
          "Draws the pictures of a batch in the style of its first one, which they look at in self-attention.",
      .origin = "style-aligned",
      .inputs =
          {Link("model", &Align::model),
           Choice(
               "share_norm", &Align::share_norm,
               {{"both", Norms::kBoth}, {"group", Norms::kGroup}, {"layer", Norms::kLayer}, {"disabled", Norms::kNone}})
               .tip("Whether group norms see the first picture beside each other one."),
           Choice("share_attn", &Align::share_attn,
                  {{"q+k", Rows::kQueriesKeys}, {"q+k+v", Rows::kAll}, {"disabled", Rows::kNone}})
               .tip("What gets the first picture's means and deviations; it is always looked at."),
           Float("scale", &Align::scale).range(0.0, 1.0).step(0.1)},
      .runs_when_checked = true,
      .run = align});
}

}  // namespace easel::nodes
