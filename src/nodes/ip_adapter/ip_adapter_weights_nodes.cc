// Nodes that make a weight for each picture of a batch.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "image/edit/pictures.h"
#include "node_api/table.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using Numbers = std::vector<double>;

// Reads numbers separated by commas or line breaks.
Numbers parse(const std::string& text) {
  Numbers out;
  std::string part;
  const auto finish = [&] {
    const size_t first = part.find_first_not_of(" \t\r");
    if (first != std::string::npos) {
      size_t used = 0;
      double value = 0;
      try {
        value = std::stod(part, &used);
      } catch (const std::exception&) {
        used = 0;
      }
      if (used == 0 || part.find_first_not_of(" \t\r", used) != std::string::npos || !std::isfinite(value))
        throw Error(Fault::kInvalid, "'" + part + "' is not a number").at_input("weights");
      out.push_back(value);
    }
    part.clear();
  };
  for (const char c : text)
    if (c == ',' || c == '\n') finish();
    else part += c;
  finish();
  return out;
}

// The value, 0..1, of a timing curve at time `t`, 0..1.
double eased(const std::string& timing, double t) {
  const double pi = std::numbers::pi;
  if (timing == "ease_in_out") return (1 - std::cos(t * pi)) / 2;
  if (timing == "ease_in") return std::sin(t * pi / 2);
  if (timing == "ease_out") return 1 - std::cos(t * pi / 2);
  return t;
}

struct Weights {
  std::string weights = "1.0, 0.0";
  std::string timing = "linear";
  int64_t frames = 0, start_frame = 0, end_frame = 9999, add_starting_frames = 0, add_ending_frames = 0;
  std::string method;
  MaybeLinked<Image> image;
};

void check_weights(const Weights& in) {
  parse(in.weights);
  if (in.timing != "custom" && in.start_frame >= std::min(in.end_frame, std::max<int64_t>(in.frames, 2)))
    throw Error(Fault::kInvalid, "must be below end_frame and frames").at_input("start_frame");
}

// The weights of the frames that one picture becomes.
Numbers frames_of(const Weights& in) {
  const Numbers given = parse(in.weights);
  if (in.timing == "custom") return given.empty() ? Numbers{0.0} : given;
  const int64_t frames = std::max<int64_t>(in.frames, 2);
  const int64_t first = in.start_frame, last = std::min(in.end_frame, frames);
  const double start = given.empty() ? 0.0 : given.front(), end = given.empty() ? 1.0 : given.back();
  Numbers out(static_cast<size_t>(first), start);
  const auto steps = static_cast<double>(std::max<int64_t>(1, last - first - 1));
  for (int64_t i = 0; i < last - first; ++i)
    out.push_back(start + (end - start) * eased(in.timing, static_cast<double>(i) / steps));
  out.back() = end;
  out.resize(static_cast<size_t>(std::max(frames, std::ssize(out))), end);
  return out;
}

// Repeats each picture `times` times in a row.
Tensor each(const Tensor& pictures, int64_t times) {
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < pictures.dim(0); ++i)
    for (int64_t k = 0; k < times; ++k) parts.push_back(pictures.slice(0, i, 1));
  return ops::concat(parts, 0);
}

Results<NumberList, NumberList, int64_t, Image> weights(const Weights& in) {
  Numbers frames = frames_of(in), all = frames;
  std::optional<Tensor> pictures;
  if (in.image) {
    const Tensor& given = *in.image;
    const int64_t count = given.dim(0), before = in.add_starting_frames, after = in.add_ending_frames;
    if ((count * std::ssize(frames) + before + after) * given.dim(1) * given.dim(2) > (int64_t{1} << 30))
      throw Error(Fault::kInvalid, "that many frames of this size would take too much memory").at_input("frames");
    for (int64_t i = 1; i < count; ++i) all.insert(all.end(), frames.begin(), frames.end());
    pictures = each(given, std::ssize(frames));
    const auto add = [&](int64_t n, int64_t which, bool front) {
      if (n <= 0) return;
      const Tensor more = ops::repeat(contiguous(given.slice(0, which, 1)), n);
      pictures = front ? ops::concat({more, *pictures}, 0) : ops::concat({*pictures, more}, 0);
      all.insert(front ? all.begin() : all.end(), static_cast<size_t>(n), front ? all.front() : all.back());
    };
    add(before, 0, true);
    add(after, count - 1, false);
  }
  Numbers inverted(all.rbegin(), all.rend());
  const int64_t total = std::ssize(all);
  return {NumberList{std::move(all)}, NumberList{std::move(inverted)}, total, std::move(pictures)};
}

struct Combine {
  NumberOrList weights_1{0.0}, weights_2{0.0};
};

Results<NumberList, int64_t> combine(const Combine& in) {
  Numbers out;
  for (const NumberOrList* part : {&in.weights_1, &in.weights_2}) {
    if (part->list.empty()) out.push_back(part->value);
    else out.insert(out.end(), part->list.begin(), part->list.end());
  }
  const int64_t count = std::ssize(out);
  return {NumberList{std::move(out)}, count};
}

Input<Weights> frame(const char* name, int64_t Weights::*member) { return Int(name, member).range(0, 9999).step(1); }

}  // namespace

void register_ip_adapter_weights_nodes(Table& table) {
  table.add(NodeOf<Weights>{
      .name = "IPAdapterWeights",
      .display = "IPAdapter Weights",
      .category = "ipadapter/weights",
      .description = "A weight for each picture of a batch, for IPAdapterBatch: as listed, or on a curve.",
      .inputs = {Text("weights", &Weights::weights)
                     .multiline()
                     .tip("custom: the weights as listed. Otherwise a curve from the first to the last of them."),
                 Choice("timing", &Weights::timing, {"custom", "linear", "ease_in_out", "ease_in", "ease_out"}),
                 frame("frames", &Weights::frames), frame("start_frame", &Weights::start_frame),
                 frame("end_frame", &Weights::end_frame),
                 frame("add_starting_frames", &Weights::add_starting_frames).added_later(),
                 frame("add_ending_frames", &Weights::add_ending_frames).added_later(),
                 Choice("method", &Weights::method, {"full batch"}).added_later(), Link("image", &Weights::image)},
      .outputs = {{"weights"}, {"weights_invert"}, {"total_frames"}, {"image_1"}},
      .run = weights,
      .check = check_weights});
  table.add(NodeOf<Combine>{.name = "IPAdapterCombineWeights",
                            .display = "IPAdapter Combine Weights",
                            .category = "ipadapter/utils",
                            .description = "Joins lists of weights.",
                            .inputs = {Float("weights_1", &Combine::weights_1).range(0.0, 1.0).step(0.05),
                                       Float("weights_2", &Combine::weights_2).range(0.0, 1.0).step(0.05)},
                            .outputs = {{"weights"}, {"count"}},
                            .run = combine});
}

}  // namespace easel::nodes
