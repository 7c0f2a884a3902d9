// Nodes that make a weight for each picture of a batch.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "node_api/table.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "ops/elementwise.h"
#include "sampling/random/python_random.h"

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

// How weights follow each other, and for how many pictures it was made up.
struct Strategy {
  std::string weights = "1.0, 0.0";
  std::string timing = "linear";
  int64_t frames = 0, start_frame = 0, end_frame = 9999, add_starting_frames = 0, add_ending_frames = 0;
  std::string method;
  int64_t pictures = 0;
};

}  // namespace

template <>
struct LinkType<Strategy> : PlainLink<Strategy> {
  static constexpr const char* kName = "WEIGHTS_STRATEGY";
};

namespace {

struct Weights : Strategy {
  MaybeLinked<Image> image;
};

void check_weights(const Strategy& in) {
  parse(in.weights);
  if (in.timing != "custom" && in.start_frame >= std::min(in.end_frame, std::max<int64_t>(in.frames, 2)))
    throw Error(Fault::kInvalid, "must be below end_frame and frames").at_input("start_frame");
}

// The weights of one picture's frames. Those drawn at random are drawn anew by the original each time; here the draw is
// always the same.
Numbers frames_of(const Strategy& in) {
  const Numbers given = parse(in.weights);
  if (in.timing == "custom") return given.empty() ? Numbers{0.0} : given;
  const int64_t frames = std::max<int64_t>(in.frames, 2);
  const int64_t first = in.start_frame, last = std::min(in.end_frame, frames);
  const double start = given.empty() ? 0.0 : given.front(), end = given.empty() ? 1.0 : given.back();
  Numbers out(static_cast<size_t>(first), start);
  const auto steps = static_cast<double>(std::max<int64_t>(1, last - first - 1));
  sampling::PythonRandom random(0);
  for (int64_t i = 0; i < last - first; ++i) {
    if (in.timing == "random") out.push_back(random.uniform(start, end));
    else out.push_back(start + (end - start) * eased(in.timing, static_cast<double>(i) / steps));
  }
  if (in.timing != "random") out.back() = end;
  out.resize(static_cast<size_t>(std::max(frames, std::ssize(out))), end);
  return out;
}

// Each of these pictures of a batch `times` times, one after the other.
Tensor each_of(const Tensor& pictures, const std::vector<int64_t>& which, int64_t times) {
  std::vector<Tensor> parts;
  for (const int64_t i : which)
    for (int64_t k = 0; k < times; ++k) parts.push_back(pictures.slice(0, i, 1));
  return ops::concat(parts, 0);
}

// Which pictures of a batch the two outputs show in turn; the second is empty where there is one output.
struct Turns {
  std::vector<int64_t> first, second;
};

Turns turns(const std::string& method, int64_t count) {
  Turns out;
  if (method == "full batch") {
    for (int64_t i = 0; i < count; ++i) out.first.push_back(i);
    return out;
  }
  if (count < 2)
    throw Error(Fault::kInvalid, "takes pictures in pairs, and there is one")
        .at_input("method")
        .fix("Link two or more");
  if (method == "shift batches") {
    for (int64_t i = 0; i + 1 < count; ++i) {
      out.first.push_back(i);
      out.second.push_back(i + 1);
    }
    return out;
  }
  // Pictures 0, 2, 2, 4, 4, ... against 1, 1, 3, 3, ...
  for (int64_t i = 0; i + 1 < count; ++i) {
    out.first.push_back((i + 1) / 2 * 2);
    out.second.push_back(i / 2 * 2 + 1);
  }
  return out;
}

// The weights of all frames. Where pictures take turns, they come back the way they went.
Numbers all_weights(const Numbers& frames, const std::string& method, size_t count) {
  const auto [least, most] = std::minmax_element(frames.begin(), frames.end());
  Numbers back, out;
  for (const double w : frames) back.push_back(*most - (w - *least));
  for (size_t i = 0; i < count; ++i) {
    const Numbers& part = method == "alternate batches" && i % 2 ? back : frames;
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

using Weighted = Results<NumberList, NumberList, int64_t, Image, Image, Strategy>;

Weighted weighted(const Strategy& in, const Tensor* given) {
  const Numbers frames = frames_of(in);
  Numbers all = frames;
  std::optional<Tensor> first, second;
  if (given) {
    const int64_t count = given->dim(0), before = in.add_starting_frames, after = in.add_ending_frames;
    if ((count * std::ssize(frames) + before + after) * given->dim(1) * given->dim(2) > (int64_t{1} << 30))
      throw Error(Fault::kInvalid, "so many frames of this size take too much memory").at_input("frames");
    const Turns which = turns(in.method, count);
    all = all_weights(frames, in.method, which.first.size());
    const auto shown = [&](const std::vector<int64_t>& part) {
      Tensor out = each_of(*given, part, std::ssize(frames));
      const auto repeated = [&](int64_t i, int64_t n) { return ops::repeat(contiguous(given->slice(0, i, 1)), n); };
      if (before > 0) out = ops::concat({repeated(0, before), out}, 0);
      if (after > 0) out = ops::concat({out, repeated(count - 1, after)}, 0);
      return out;
    };
    first = shown(which.first);
    if (!which.second.empty()) second = shown(which.second);
    all.insert(all.begin(), static_cast<size_t>(before), all.front());
    all.insert(all.end(), static_cast<size_t>(after), all.back());
  }
  Numbers inverted(all.rbegin(), all.rend());
  const int64_t total = std::ssize(all);
  return {NumberList{std::move(all)}, NumberList{std::move(inverted)}, total, std::move(first), std::move(second), in};
}

Weighted weights(const Weights& in) {
  Strategy strategy = in;
  strategy.pictures = in.image ? in.image->dim(0) : 0;
  return weighted(strategy, in.image.get());
}

struct FromStrategy {
  Linked<Strategy> weights_strategy;
  MaybeLinked<Image> image;
  std::string prompt;
};

// A line for each picture: the frame at which it begins, and its prompt.
Results<std::string> schedule(const FromStrategy& in) {
  const Strategy& s = *in.weights_strategy;
  std::vector<std::string> prompts;
  for (std::string& line : split(in.prompt, "\n"))
    if (!stripped(line).empty()) prompts.push_back(std::move(line));
  std::string out;
  if (prompts.empty() || s.pictures <= 0) return {out};
  prompts.resize(static_cast<size_t>(s.pictures), prompts.back());
  const auto add = [&](int64_t frame, const std::string& prompt) {
    out += "\"" + std::to_string(frame) + "\": \"" + prompt + "\",\n";
  };
  if (s.add_starting_frames > 0) add(0, prompts.front());
  for (int64_t i = 0; i < s.pictures; ++i) add(i * s.frames + s.add_starting_frames, prompts[static_cast<size_t>(i)]);
  if (s.add_ending_frames > 0) add(s.pictures * s.frames + s.add_starting_frames, prompts.back());
  return {std::move(out)};
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

Input<Strategy> frame(const char* name, int64_t Strategy::*member) { return Int(name, member).range(0, 9999).step(1); }

}  // namespace

void register_ip_adapter_weights_nodes(Table& table) {
  table.add(NodeOf<Weights>{
      .name = "IPAdapterWeights",
      .display = "IPAdapter Weights",
      .category = "ipadapter/weights",
      .description = "A weight for each picture of a batch, for IPAdapterBatch: as listed, or on a curve.",
      .inputs =
          {Text("weights", &Strategy::weights)
               .multiline()
               .tip("custom: the weights; otherwise the first and the last of them."),
           Choice("timing", &Strategy::timing, {"custom", "linear", "ease_in_out", "ease_in", "ease_out", "random"}),
           frame("frames", &Strategy::frames), frame("start_frame", &Strategy::start_frame),
           frame("end_frame", &Strategy::end_frame),
           frame("add_starting_frames", &Strategy::add_starting_frames).added_later(),
           frame("add_ending_frames", &Strategy::add_ending_frames).added_later(),
           Choice("method", &Strategy::method, {"full batch", "shift batches", "alternate batches"}).added_later(),
           Link("image", &Weights::image)},
      .outputs = {{"weights"}, {"weights_invert"}, {"total_frames"}, {"image_1"}, {"image_2"}, {"weights_strategy"}},
      .run = weights,
      .check = check_weights});
  table.add(NodeOf<FromStrategy>{
      .name = "IPAdapterWeightsFromStrategy",
      .display = "IPAdapter Weights From Strategy",
      .category = "ipadapter/weights",
      .description = "The weights of another IPAdapterWeights, for other pictures.",
      .inputs = {Link("weights_strategy", &FromStrategy::weights_strategy), Link("image", &FromStrategy::image)},
      .outputs = {{"weights"}, {"weights_invert"}, {"total_frames"}, {"image_1"}, {"image_2"}, {"weights_strategy"}},
      .run = [](const FromStrategy& in) { return weighted(*in.weights_strategy, in.image.get()); }});
  table.add(NodeOf<FromStrategy>{
      .name = "IPAdapterPromptScheduleFromWeightsStrategy",
      .display = "Prompt Schedule From Weights Strategy",
      .category = "ipadapter/weights",
      .description = "The frames at which the pictures of an IPAdapterWeights begin, with a prompt for each.",
      .inputs = {Link("weights_strategy", &FromStrategy::weights_strategy),
                 Text("prompt", &FromStrategy::prompt).multiline()},
      .outputs = {{"prompt_schedule"}},
      .run = schedule});
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
