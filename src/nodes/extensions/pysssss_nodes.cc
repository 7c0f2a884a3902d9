// Nodes of ComfyUI-Custom-Scripts (github.com/pythongosssss/ComfyUI-Custom-Scripts).
#include <algorithm>

#include "image/scale/pillow.h"
#include "node_api/table.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"
#include "nodes/common/sizes.h"
#include "text/regex.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "pysssss";

struct Show {
  std::string text;
};

Results<std::string> show(const Show& in, Call& call) {
  call.show_text(in.text);
  return {in.text};
}

struct Function {
  bool replace = false, tidy_tags = true;
  std::string text_a, text_b, text_c;
};

// Collapses runs of blanks and of commas into one, and removes blanks before commas.
std::string tidy(const std::string& text) {
  std::string single;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && is_blank(text[end])) ++end;
    if (end - i >= 2) single += ' ';
    else if (end == i) end = i + 1;
    if (end - i < 2) single += text[i];
    i = end;
  }
  std::string out;
  for (const char c : replaced(single, " ,", ","))
    if (c != ',' || out.empty() || out.back() != ',') out += c;
  return stripped(out);
}

// re.sub(pattern, with, text).
std::string matches_replaced(const std::string& text, const std::string& pattern, const std::string& with) {
  try {
    return text::Regex(pattern, {}).replace(text::decode_utf8(text), with).first;
  } catch (Error& e) {
    throw e.at_input("text_b");
  }
}

Results<std::string> function(const Function& in, Call& call) {
  std::string out;
  if (!in.replace) {
    for (const std::string* part : {&in.text_a, &in.text_b, &in.text_c})
      if (!part->empty()) out += (out.empty() || !in.tidy_tags ? "" : ", ") + *part;
  } else if (in.text_b.starts_with('/') && in.text_b.ends_with('/')) {
    const std::string pattern = in.text_b.size() > 2 ? in.text_b.substr(1, in.text_b.size() - 2) : "";
    out = matches_replaced(in.text_a, pattern, in.text_c);
  } else {
    out = replaced(in.text_a, in.text_b, in.text_c);
  }
  if (in.tidy_tags) out = tidy(out);
  call.show_text(out);
  return {std::move(out)};
}

struct Constrain {
  Linked<Image> images;
  int64_t max_width = 1024, max_height = 1024, min_width = 0, min_height = 0;
  bool crop = false;
};

Tensor constrained(const Tensor& pixels, const Constrain& in) {
  const int64_t w = pixels.dim(2), h = pixels.dim(1);
  const auto real = [](int64_t v) { return static_cast<double>(v); };
  const double aspect = real(w) / real(h);
  int64_t width = std::min(std::max(w, in.min_width), in.max_width);
  int64_t height = std::min(std::max(h, in.min_height), in.max_height);
  const auto refuse = [&] {
    throw Error(Fault::kInvalid,
                "no size is left between the limits for a picture of " + std::to_string(w) + "x" + std::to_string(h))
        .fix("Use larger values of max_width and max_height");
  };
  if (width < 1 || height < 1) refuse();
  if (real(width) / real(height) > aspect) {
    width = std::max(static_cast<int64_t>(real(height) * aspect), in.min_width);
    if (in.crop && width > 0) height = static_cast<int64_t>(real(h) / (real(w) / real(width)));
  } else {
    height = std::max(static_cast<int64_t>(real(width) / aspect), in.min_height);
    if (in.crop && height > 0) width = static_cast<int64_t>(real(w) / (real(h) / real(height)));
  }
  if (width < 1 || height < 1) refuse();
  Tensor out = image::pillow_resize(pixels, {width, height}, image::PillowFilter::kLanczos);
  if (!in.crop || (width <= in.max_width && height <= in.max_height)) return out;
  const int64_t left = std::max<int64_t>((width - in.max_width) / 2, 0);
  const int64_t top = std::max<int64_t>((height - in.max_height) / 2, 0);
  return contiguous(out.slice(1, top, std::min(height, in.max_height)).slice(2, left, std::min(width, in.max_width)));
}

Results<ListOf<Image>> constrain(const Constrain& in) {
  std::vector<Tensor> out;
  for (int64_t i = 0; i < in.images->dim(0); ++i) {
    const Tensor one = contiguous(in.images->slice(0, i, 1).slice(3, 0, std::min<int64_t>(3, in.images->dim(3))));
    out.push_back(constrained(one, in));
  }
  return {std::move(out)};
}

}  // namespace

void register_pysssss_nodes(Table& table) {
  table.add(NodeOf<Show>{.name = "ShowText|pysssss",
                         .display = "Show Text",
                         .category = "utils",
                         .description = "Shows a text and passes it on.",
                         .origin = kOrigin,
                         .inputs = {Text("text", &Show::text).link_only().names_embeddings()},
                         .output_node = true,
                         .run = show});
  table.add(NodeOf<Function>{
      .name = "StringFunction|pysssss",
      .display = "String Function",
      .category = "utils",
      .description = "Joins texts, or replaces one text by another in the first; can tidy the commas between tags.",
      .origin = kOrigin,
      .inputs = {Choice("action", &Function::replace, {{"append", false}, {"replace", true}}),
                 Choice("tidy_tags", &Function::tidy_tags, {{"yes", true}, {"no", false}}),
                 Text("text_a", &Function::text_a).multiline().names_embeddings().optional(),
                 Text("text_b", &Function::text_b).multiline().names_embeddings().optional(),
                 Text("text_c", &Function::text_c).multiline().names_embeddings().optional()},
      .output_node = true,
      .run = function});
  table.add(NodeOf<Constrain>{
      .name = "ConstrainImage|pysssss",
      .display = "Constrain Image",
      .category = "image",
      .description = "Resizes each picture to lie between a smallest and a largest size; returns a list.",
      .origin = kOrigin,
      .inputs = {Link("images", &Constrain::images), Int("max_width", &Constrain::max_width).range(0, kMaxSide),
                 Int("max_height", &Constrain::max_height).range(0, kMaxSide),
                 Int("min_width", &Constrain::min_width).range(0, kMaxSide),
                 Int("min_height", &Constrain::min_height).range(0, kMaxSide),
                 Choice("crop_if_required", &Constrain::crop, {{"yes", true}, {"no", false}})},
      .run = constrain});
}

}  // namespace easel::nodes
