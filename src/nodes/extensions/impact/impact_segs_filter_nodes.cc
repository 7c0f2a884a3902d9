// What Impact-Pack does with parts of pictures (github.com/ltdrdata/ComfyUI-Impact-Pack): chosen, shown, put back.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "image/edit/composite.h"
#include "image/edit/elementwise.h"
#include "image/edit/pictures.h"
#include "node_api/table.h"
#include "nodes/common/add_node.h"
#include "nodes/common/composed.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/extensions/impact/detailer.h"
#include "nodes/extensions/impact/segs.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

struct OneOfSegs {
  Linked<Segments> segs;
};
using TwoLots = Results<Segments, Segments>;
const std::vector<OutputLabel> kLots{{"filtered_SEGS"}, {"remained_SEGS"}};

Foreseen<Segments, Segments> foresee_lots(const Known<OneOfSegs>& in) {
  return {in(&OneOfSegs::segs), in(&OneOfSegs::segs)};
}
Foreseen<Segments> foresee_same(const Known<OneOfSegs>& in) { return {in(&OneOfSegs::segs)}; }

// --- Chosen by numbers ---

// A number of a part by the names that the nodes have for it.
double measure(const Segment& one, const std::string& target) {
  const auto of = [](int64_t v) { return static_cast<double>(v); };
  const double width = of(one.crop.width()), height = of(one.crop.height());
  if (target == "area(=w*h)") return width * height;
  if (target == "width") return width;
  if (target == "height") return height;
  if (target == "x1") return of(one.crop.x1);
  if (target == "y1") return of(one.crop.y1);
  if (target == "x2") return of(one.crop.x2);
  if (target == "y2") return of(one.crop.y2);
  if (target == "length_percent") return std::max(height / width, width / height) * 100;
  return target == "confidence" ? one.confidence : one.confidence * 100;
}

struct Ordered : OneOfSegs {
  std::string target;
  bool order = true;
  int64_t take_start = 0, take_count = 1;
};
TwoLots ordered(const Ordered& in) {
  std::vector<Segment> all = in.segs->items;
  std::stable_sort(all.begin(), all.end(), [&](const Segment& a, const Segment& b) {
    const double x = measure(a, in.target), y = measure(b, in.target);
    return in.order ? x > y : x < y;
  });
  Segments taken = none_of(*in.segs), rest = none_of(*in.segs);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const bool chosen = at >= in.take_start && at - in.take_start < in.take_count;
    (chosen ? taken : rest).items.push_back(std::move(all[i]));
  }
  return {std::move(taken), std::move(rest)};
}

struct InRange : OneOfSegs {
  std::string target;
  bool mode = true;
  int64_t min_value = 0, max_value = 67108864;
};
TwoLots in_range(const InRange& in) {
  Segments taken = none_of(*in.segs), rest = none_of(*in.segs);
  for (const Segment& one : in.segs->items) {
    const double value = measure(one, in.target);
    const bool inside = value >= static_cast<double>(in.min_value) && value <= static_cast<double>(in.max_value);
    (inside == in.mode ? taken : rest).items.push_back(one);
  }
  return {std::move(taken), std::move(rest)};
}

// --- Chosen and named by labels ---

struct Labels : OneOfSegs {
  std::string preset, labels;
};
struct Assigned : OneOfSegs {
  std::string labels;
};
Results<Segments> assigned(const Assigned& in) {
  Segments out = *in.segs;
  const std::vector<std::string> names = split(in.labels, ",");
  for (size_t i = 0; i < std::min(names.size(), out.items.size()); ++i) out.items[i].label = stripped(names[i]);
  return {std::move(out)};
}

struct Picked : OneOfSegs {
  std::string picks;
  MaybeLinked<Image> fallback;
};
// Numbers from 1 on with commas between them, each part once and in their order in the picture.
Results<Segments> picked(const Picked& in) {
  Segments out = none_of(*in.segs);
  std::vector<bool> wanted(in.segs->items.size(), false);
  for (const std::string& one : split(in.picks, ",")) {
    const auto number = number_with_plus<int64_t>(stripped(one));
    if (number && *number >= 1 && *number <= static_cast<int64_t>(wanted.size()))
      wanted[static_cast<size_t>(*number - 1)] = true;
  }
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) out.items.push_back(in.segs->items[i]);
  return {std::move(out)};
}

// --- Masks ---

struct Dilation : OneOfSegs {
  int64_t dilation = 10;
};
struct Softness : OneOfSegs {
  int64_t kernel_size = 10;
  double sigma = 10.0;
};
Results<Segments> softer(const Softness& in) {
  Segments out = *in.segs;
  for (Segment& one : out.items) one.mask = softened(one.mask, in.kernel_size, in.sigma);
  return {std::move(out)};
}

// The mask of each part, as large as the picture.
std::vector<Tensor> masks_of(const Segments& all) {
  std::vector<Tensor> out;
  for (const Segment& one : all.items) {
    Segments alone = none_of(all);
    alone.items.push_back(one);
    out.push_back(combined_mask(alone));
  }
  if (out.empty()) out.push_back(combined_mask(all));
  return out;
}

// --- Pictures ---

struct WithFallback : OneOfSegs {
  MaybeLinked<Image> fallback;
};
struct WithPicture : OneOfSegs {
  Linked<Image> image;
  bool replaces = true;
};
struct Paste : OneOfSegs {
  Linked<Image> image;
  int64_t feather = 5, alpha = 255;
  MaybeLinked<Image> reference;
};
struct Preview : OneOfSegs {
  bool alpha_mode = true;
  double min_alpha = 0.2;
  MaybeLinked<Image> fallback;
};

void require_size(const Segments& all, const Tensor& picture, const char* input) {
  if (!all.items.empty() && (all.width != picture.dim(2) || all.height != picture.dim(1)))
    throw Error(Fault::kMismatch, "is not of the size " + std::to_string(all.width) + "x" + std::to_string(all.height) +
                                      " of the picture in which the parts were found")
        .at_input(input);
}

Tensor cut(const Tensor& pictures, const Segment& one) {
  return clone(pictures.slice(1, one.crop.y1, one.crop.height()).slice(2, one.crop.x1, one.crop.width()));
}

// The pictures of a part: its own, or what lies there in others; undefined if there are none.
Tensor pictures_of(const Segment& one, const Tensor* others) {
  if (one.picture.defined()) return one.picture;
  return others ? cut(*others, one) : Tensor();
}

std::vector<Value> picture_list(const WithFallback& in) {
  if (in.fallback) require_size(*in.segs, *in.fallback, "fallback_image_opt");
  std::vector<Value> out;
  for (const Segment& one : in.segs->items) {
    const Tensor pictures = pictures_of(one, in.fallback.get());
    out.push_back(pictures.defined() ? computed<Image>(pictures) : no_picture());
  }
  if (out.empty()) out.push_back(no_picture());
  return out;
}

Results<Segments> with_picture(const WithPicture& in) {
  require_size(*in.segs, *in.image, "image");
  Segments out = *in.segs;
  for (Segment& one : out.items)
    if (!one.picture.defined() || in.replaces) one.picture = cut(*in.image, one);
  return {std::move(out)};
}

Results<Image> pasted(const Paste& in) {
  const Tensor& pictures = *in.image;
  require_size(*in.segs, pictures, "image");
  if (in.reference) require_size(*in.segs, *in.reference, "ref_image_opt");
  std::vector<Tensor> out;
  for (int64_t n = 0; n < pictures.dim(0); ++n) {
    Tensor picture = contiguous(pictures.slice(0, n, 1));
    for (const Segment& one : in.segs->items) {
      const Tensor others = in.reference ? cut(*in.reference, one) : one.picture;
      if (!others.defined()) continue;
      if (n >= others.dim(0))
        throw Error(Fault::kMismatch, "has " + std::to_string(others.dim(0)) + " pictures, and there are " +
                                          std::to_string(pictures.dim(0)) + " to paste into")
            .at_input(in.reference ? "ref_image_opt" : "segs");
      const float opaque = static_cast<float>(in.alpha) / 255.0f;
      const Tensor mask = image::map(softened(one.mask, in.feather), [=](float v) { return v * opaque; });
      picture = image::composite_masked(picture, contiguous(others.slice(0, n, 1)), mask,
                                        {.x = one.crop.x1, .y = one.crop.y1});
    }
    out.push_back(picture);
  }
  return {ops::concat(out, 0)};
}

// Shown with the mask as alpha; handed on with what is not in the mask black.
Results<ListOf<Image>> preview(const Preview& in, Call& call) {
  if (in.fallback) require_size(*in.segs, *in.fallback, "fallback_image_opt");
  const Parts parts(call, Parts::Doing::kRun);
  const auto least = std::floor(static_cast<float>(255 * in.min_alpha)) / 255.0f;
  std::vector<Value> out;
  for (const Segment& one : in.segs->items) {
    const Tensor pictures = pictures_of(one, in.fallback.get());
    if (!pictures.defined()) continue;
    const Tensor mask = image::as_picture(one.mask);
    std::vector<Tensor> given;
    for (int64_t n = 0; n < pictures.dim(0); ++n) {
      const Tensor picture = contiguous(pictures.slice(0, n, 1).slice(3, 0, 3));
      const Tensor alpha = image::map(
          mask, [=](float v) { return std::max(std::floor(std::clamp(v, 0.0f, 1.0f) * 255.0f) / 255.0f, least); });
      parts.make("PreviewImage", {},
                 {{"images", computed<Image>(in.alpha_mode ? ops::concat({picture, alpha}, -1) : picture)}});
      given.push_back(in.alpha_mode ? ops::mul(picture, mask) : picture);
    }
    out.push_back(computed<Image>(ops::concat(given, 0)));
  }
  return {std::move(out)};
}

// --- Several lots ---

struct Several {};
constexpr size_t kMostLots = 40;

Inputs<Several> lots() {
  Inputs<Several> out;
  for (size_t i = 1; i <= kMostLots; ++i) {
    Input<Several> one("segs" + std::to_string(i), LinkType<Segments>::kName, In::Member::kNone, &blank<Several>());
    if (i == 1) out.push_back(std::move(one));
    else out.push_back(std::move(one).optional());
  }
  return out;
}

// Those of other pictures than the first are left out, as in the original, which says so.
Results<Segments> concatenated(const Several&, Call& call) {
  Segments out;
  for (size_t i = 1; i <= kMostLots; ++i) {
    const std::string input = "segs" + std::to_string(i);
    const Value* value = call.linked(input);
    if (!value) continue;
    const Segments& one = value->as<Segments>();
    if (one.items.empty()) continue;
    if (out.items.empty()) out = none_of(one);
    if (one.width == out.width && one.height == out.height)
      out.items.insert(out.items.end(), one.items.begin(), one.items.end());
    else call.warn(input + " is of a picture of another size, and was left out");
  }
  return {std::move(out)};
}

void add_choosing(const AddNode& add) {
  const std::vector<std::string> sides{"area(=w*h)", "width", "height", "x1", "y1", "x2", "y2"};
  std::vector<std::string> for_order = sides, for_range = sides;
  for_order.emplace_back("confidence");
  for_range.insert(for_range.end(), {"length_percent", "confidence(0-100)"});
  add.node<Ordered>("ImpactSEGSOrderedFilter", "Some of the parts in an order, and the others.",
                    {Link("segs", &OneOfSegs::segs), Choice("target", &Ordered::target, for_order),
                     Bool("order", &Ordered::order).tip("On: the largest first."),
                     Int("take_start", &Ordered::take_start).range(0, kMost).step(1),
                     Int("take_count", &Ordered::take_count).range(0, kMost).step(1)},
                    ordered, kLots, [](const Known<Ordered>& in) { return foresee_lots(in); });
  add.node<InRange>("ImpactSEGSRangeFilter", "The parts with a number in a range, and the others.",
                    {Link("segs", &OneOfSegs::segs), Choice("target", &InRange::target, for_range),
                     Bool("mode", &InRange::mode).tip("On: those in the range; off: those outside of it."),
                     Int("min_value", &InRange::min_value).range(0, kMost).step(1),
                     Int("max_value", &InRange::max_value).range(0, kMost).step(1)},
                    in_range, kLots, [](const Known<InRange>& in) { return foresee_lots(in); });
  add.node<Labels>(
      "ImpactSEGSLabelFilter", "The parts with one of these labels, and the others.",
      {Link("segs", &OneOfSegs::segs),
       Text("preset", &Labels::preset).tip("A menu of the original's page, which writes into `labels`."),
       Text("labels", &Labels::labels).multiline()},
      [](const Labels& in) -> TwoLots {
        auto [taken, rest] = by_label(*in.segs, in.labels);
        return {std::move(taken), std::move(rest)};
      },
      kLots, [](const Known<Labels>& in) { return foresee_lots(in); });
  add.node<Assigned>("ImpactSEGSLabelAssign", "Names the parts, one after another.",
                     {Link("segs", &OneOfSegs::segs), Text("labels", &Assigned::labels).multiline()}, assigned, {},
                     [](const Known<Assigned>& in) { return foresee_same(in); });
  add.node<Picked>("ImpactSEGSPicker", "The parts with these numbers.",
                   {Text("picks", &Picked::picks).multiline(), Link("segs", &OneOfSegs::segs),
                    Link("fallback_image_opt", &Picked::fallback)},
                   picked, {}, [](const Known<Picked>& in) { return foresee_same(in); });
  add.node<Several>("ImpactSEGSConcat", "The parts of several lots in one.", lots(), concatenated);
  add.node<OneOfSegs>(
      "ImpactCount_Elts_in_SEGS", "How many parts there are.", {Link("segs", &OneOfSegs::segs)},
      [](const OneOfSegs& in) -> Results<int64_t> { return {static_cast<int64_t>(in.segs->items.size())}; });
  add.node<OneOfSegs>("ImpactIsNotEmptySEGS", "Whether there are any parts.", {Link("segs", &OneOfSegs::segs)},
                      [](const OneOfSegs& in) -> Results<bool> { return {!in.segs->items.empty()}; });
}

void add_masks(const AddNode& add) {
  add.node<Dilation>(
      "ImpactDilateMaskInSEGS", "Grows the masks of parts, or shrinks them.",
      {Link("segs", &OneOfSegs::segs), Int("dilation", &Dilation::dilation).range(-512, 512).step(1)},
      [](const Dilation& in) -> Results<Segments> { return {dilated(*in.segs, in.dilation)}; }, {},
      [](const Known<Dilation>& in) { return foresee_same(in); });
  add.node<Softness>("ImpactGaussianBlurMaskInSEGS", "Blurs the masks of parts.",
                     {Link("segs", &OneOfSegs::segs), Int("kernel_size", &Softness::kernel_size).range(0, 100).step(1),
                      Float("sigma", &Softness::sigma).range(0.1, 100.0).step(0.1)},
                     softer, {}, [](const Known<Softness>& in) { return foresee_same(in); });
  add.node<OneOfSegs>("ImpactSEGSToMaskList", "The mask of each part.", {Link("segs", &OneOfSegs::segs)},
                      [](const OneOfSegs& in) -> Results<ListOf<Mask>> {
                        std::vector<Value> out;
                        for (Tensor& mask : masks_of(*in.segs)) out.push_back(computed<Mask>(std::move(mask)));
                        return {std::move(out)};
                      });
  add.node<OneOfSegs>("ImpactSEGSToMaskBatch", "The mask of each part, in one batch.", {Link("segs", &OneOfSegs::segs)},
                      [](const OneOfSegs& in) -> Results<Mask> { return {ops::concat(masks_of(*in.segs), 0)}; });
}

void add_pictures(const AddNode& add) {
  add.node<WithFallback>("SEGSToImageList", "The picture of each part.",
                         {Link("segs", &OneOfSegs::segs), Link("fallback_image_opt", &WithFallback::fallback)},
                         [](const WithFallback& in) -> Results<ListOf<Image>> { return {picture_list(in)}; });
  add.node<WithPicture>("SetDefaultImageForSEGS", "Gives parts what lies in their place in a picture.",
                        {Link("segs", &OneOfSegs::segs), Link("image", &WithPicture::image),
                         Bool("override", &WithPicture::replaces).tip("Also those that have a picture.")},
                        with_picture, {}, [](const Known<WithPicture>& in) { return foresee_same(in); });
  add.node<OneOfSegs>(
      "RemoveImageFromSEGS", "Parts without their pictures.", {Link("segs", &OneOfSegs::segs)},
      [](const OneOfSegs& in) -> Results<Segments> {
        Segments out = *in.segs;
        for (Segment& one : out.items) one.picture = Tensor();
        return {std::move(out)};
      },
      {}, foresee_same);
  add.table.add(NodeOf<Paste>{
      .name = "SEGSPaste",
      .category = "ImpactPack/Detailer",
      .description = "Puts the pictures of parts back into a picture.",
      .origin = add.origin,
      .inputs = {Link("image", &Paste::image), Link("segs", &OneOfSegs::segs),
                 Int("feather", &Paste::feather).range(0, 100).step(1).tip("How softly they are put back."),
                 Int("alpha", &Paste::alpha).range(0, 255).step(1).tip("How opaque they are."),
                 Link("ref_image_opt", &Paste::reference)},
      .run = pasted,
      .foresee = [](const Known<Paste>& in) -> Foreseen<Image> { return {in(&Paste::image)}; }});
  add.table.add(
      NodeOf<Preview>{.name = "SEGSPreview",
                      .display = "SEGSPreview",
                      .category = add.category,
                      .description = "Shows the pictures of parts.",
                      .origin = add.origin,
                      .inputs = {Link("segs", &OneOfSegs::segs),
                                 Bool("alpha_mode", &Preview::alpha_mode).tip("What is not selected fades."),
                                 Float("min_alpha", &Preview::min_alpha).range(0.0, 1.0).step(0.01).added_later(),
                                 Link("fallback_image_opt", &Preview::fallback)},
                      .output_node = true,
                      .run = preview});
}

}  // namespace

void register_impact_segs_filter_nodes(Table& table) {
  const AddNode add{table, "impact", "ImpactPack/Util"};
  add_choosing(add);
  add_masks(add);
  add_pictures(add);
}

}  // namespace easel::nodes
