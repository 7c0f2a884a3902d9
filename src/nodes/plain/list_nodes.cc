// Nodes that make and take lists, and nodes for values of any type.
#include <algorithm>

#include "node_api/table.h"
#include "nodes/common/python/values_as_text.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

struct ShowValue {
  Linked<Anything> source;
};

Results<std::string> show_value(const ShowValue& in, Call& call) {
  std::string text = as_text(in.source.value());
  call.show_text(text);
  return {std::move(text)};
}

struct RebatchPictures {
  LinkedList<Image> images;
  int64_t batch_size = 1;
};

Results<ListOf<Image>> rebatch_pictures(const RebatchPictures& in) {
  std::vector<Tensor> all, out;
  for (size_t i = 0; i < in.images.size(); ++i)
    for (int64_t k = 0; k < in.images[i].dim(0); ++k) all.push_back(in.images[i].slice(0, k, 1));
  for (size_t first = 0; first < all.size(); first += static_cast<size_t>(in.batch_size)) {
    const size_t end = std::min(all.size(), first + static_cast<size_t>(in.batch_size));
    for (size_t i = first; i < end; ++i)
      if (all[i].dim(1) != all[first].dim(1) || all[i].dim(2) != all[first].dim(2) ||
          all[i].dim(3) != all[first].dim(3))
        throw Error(Fault::kInvalid, "pictures of different sizes cannot be in one batch")
            .at_input("images")
            .fix("Resize them first, or use batches of one");
    out.push_back(ops::concat(std::span(all).subspan(first, end - first), 0));
  }
  return {std::move(out)};
}

struct RebatchLatents {
  LinkedList<Latent> latents;
  int64_t batch_size = 1;
};

// Collects latents into batches; a latent of another size begins a new batch.
class Rebatched {
 public:
  explicit Rebatched(int64_t size) : size_(static_cast<size_t>(size)) {}

  void add(const Latent& one) {
    if (one.noise_mask.defined())
      throw Error(Fault::kInvalid, "a latent has a noise mask, which cannot be rebatched").at_input("latents");
    const bool fits = samples_.empty() || (one.samples.dim(1) == samples_[0].dim(1) &&
                                           one.samples.dim(2) == samples_[0].dim(2) && one.format == format_);
    if (!fits) finish();
    format_ = one.format;
    for (int64_t i = 0; i < one.samples.dim(0); ++i, ++seen_) {
      samples_.push_back(one.samples.slice(0, i, 1));
      const auto place = static_cast<size_t>(i);
      places_.push_back(place < one.batch_index.size() ? one.batch_index[place] : seen_);
    }
    while (samples_.size() > size_) put(size_);
  }

  // The remainder becomes a batch of its own.
  void finish() {
    if (!samples_.empty()) put(samples_.size());
  }

  std::vector<Latent> take() { return std::move(out_); }

 private:
  void put(size_t count) {
    const auto n = static_cast<std::ptrdiff_t>(count);
    Latent batch;
    batch.samples = ops::concat(std::span(samples_).first(count), 0);
    batch.batch_index = {places_.begin(), places_.begin() + n};
    batch.format = format_;
    out_.push_back(std::move(batch));
    samples_.erase(samples_.begin(), samples_.begin() + n);
    places_.erase(places_.begin(), places_.begin() + n);
  }

  size_t size_;
  int64_t seen_ = 0;  // the number of samples so far
  std::vector<Tensor> samples_;
  std::vector<int64_t> places_;
  const models::LatentFormat* format_ = nullptr;
  std::vector<Latent> out_;
};

Results<ListOf<Latent>> rebatch_latents(const RebatchLatents& in) {
  Rebatched out(in.batch_size);
  for (size_t i = 0; i < in.latents.size(); ++i) out.add(in.latents[i]);
  out.finish();
  return {out.take()};
}

}  // namespace

void register_list_nodes(Table& table) {
  table.add(NodeOf<ShowValue>{.name = "PreviewAny",
                              .display = "Preview as Text",
                              .category = "utils",
                              .description = "Shows a value as text.",
                              .inputs = {Link("source", &ShowValue::source)},
                              .output_node = true,
                              .run = show_value});
  table.add(NodeOf<RebatchPictures>{
      .name = "RebatchImages",
      .display = "Rebatch Images",
      .category = "image/batch",
      .description =
          "Makes a list of batches with the given number of pictures: the nodes that follow run once for each batch.",
      .inputs = {Link("images", &RebatchPictures::images),
                 Int("batch_size", &RebatchPictures::batch_size).range(1, 4096)},
      .run = rebatch_pictures});
  table.add(NodeOf<RebatchLatents>{
      .name = "RebatchLatents",
      .display = "Rebatch Latents",
      .category = "latent/batch",
      .description =
          "Makes a list of batches with the given number of latents: the nodes that follow run once for each batch.",
      .inputs = {Link("latents", &RebatchLatents::latents),
                 Int("batch_size", &RebatchLatents::batch_size).range(1, 4096)},
      .run = rebatch_latents});
}

}  // namespace easel::nodes
