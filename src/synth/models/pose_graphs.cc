// DWPose's networks as they are exported: normalisations folded into the convolutions before them.
#include <algorithm>
#include <array>
#include <cmath>

#include "synth/models/onnx_graph.h"

namespace easel::synth {
namespace {

using Name = OnnxBuilder::Name;
constexpr int64_t kOpset = 13;

// --- YOLOX ---

// Two branches, of which one goes through `count` pairs of convolutions, that are joined again.
Name yolox_stage(OnnxBuilder& b, const Name& x, const std::string& name, int64_t in, int64_t out, int64_t count,
                 bool shortcut) {
  const int64_t hidden = out / 2;
  Name main = b.conv_silu(x, name + ".conv1.conv", in, hidden, {});
  const Name beside = b.conv_silu(x, name + ".conv2.conv", in, hidden, {});
  for (int64_t i = 0; i < count; ++i) {
    const std::string p = name + ".m." + std::to_string(i);
    Name y = b.conv_silu(main, p + ".conv1.conv", hidden, hidden, {});
    y = b.conv_silu(y, p + ".conv2.conv", hidden, hidden, {.size = 3});
    main = shortcut ? b.add("Add", {y, main}) : y;
  }
  return b.conv_silu(b.add("Concat", {main, beside}, {{"axis", whole(1)}}), name + ".conv3.conv", out, out, {});
}

Name pooled_at_sizes(OnnxBuilder& b, const Name& x, const std::string& name, int64_t width) {
  const Name narrow = b.conv_silu(x, name + ".conv1.conv", width, width / 2, {});
  std::vector<Name> all{narrow};
  for (const int64_t size : {5, 9, 13}) all.push_back(b.max_pool(narrow, size, 1));
  return b.conv_silu(b.add("Concat", all, {{"axis", whole(1)}}), name + ".conv2.conv", 2 * width, width, {});
}

// Every second pixel of every second row, four times, as channels.
Name folded(OnnxBuilder& b, const Name& x) {
  std::vector<Name> parts;
  constexpr int64_t kEnd = int64_t{1} << 31;
  for (const auto& [row, column] : {std::pair{0, 0}, std::pair{1, 0}, std::pair{0, 1}, std::pair{1, 1}}) {
    const auto every_second = [&](const Name& v, int64_t from, int64_t axis) {
      return b.add("Slice", {v, b.constant(std::vector<int64_t>{from}), b.constant(std::vector<int64_t>{kEnd}),
                             b.constant(std::vector<int64_t>{axis}), b.constant(std::vector<int64_t>{2})});
    };
    parts.push_back(every_second(every_second(x, row, 2), column, 3));
  }
  return b.add("Concat", parts, {{"axis", whole(1)}});
}

Name twice_as_large(OnnxBuilder& b, const Name& x) {
  return b.add("Resize", {x, "", b.constant(std::vector<float>{1, 1, 2, 2})},
               {{"mode", text("nearest")},
                {"coordinate_transformation_mode", text("asymmetric")},
                {"nearest_mode", text("floor")}});
}

}  // namespace

OnnxPlan yolox(int64_t c) {
  constexpr int64_t kSide = 640, kKinds = 80;
  OnnxBuilder b(kOpset);
  const auto joined = [&](const Name& x, const Name& y) { return b.add("Concat", {x, y}, {{"axis", whole(1)}}); };
  const std::string body = "backbone.backbone.", neck = "backbone.";
  Name x = b.conv_silu(folded(b, b.input("images", {1, 3, kSide, kSide})), body + "stem.conv.conv", 12, c, {.size = 3});
  std::array<Name, 3> maps;
  constexpr std::array<int64_t, 4> kCounts{3, 9, 9, 3};
  for (int64_t i = 0; i < 4; ++i) {
    const std::string p = body + "dark" + std::to_string(i + 2);
    const int64_t in = c << i, out = 2 * in;
    x = b.conv_silu(x, p + ".0.conv", in, out, {.size = 3, .stride = 2});
    if (i == 3) x = pooled_at_sizes(b, x, p + ".1", out);
    x = yolox_stage(b, x, p + (i == 3 ? ".2" : ".1"), out, out, kCounts[static_cast<size_t>(i)], i < 3);
    if (i > 0) maps[static_cast<size_t>(i - 1)] = x;
  }
  const Name top = b.conv_silu(maps[2], neck + "lateral_conv0.conv", 16 * c, 8 * c, {});
  const Name middle = yolox_stage(b, joined(twice_as_large(b, top), maps[1]), neck + "C3_p4", 16 * c, 8 * c, 3, false);
  const Name low = b.conv_silu(middle, neck + "reduce_conv1.conv", 8 * c, 4 * c, {});
  const Name fine = yolox_stage(b, joined(twice_as_large(b, low), maps[0]), neck + "C3_p3", 8 * c, 4 * c, 3, false);
  const Name down = b.conv_silu(fine, neck + "bu_conv2.conv", 4 * c, 4 * c, {.size = 3, .stride = 2});
  const Name mean = yolox_stage(b, joined(down, low), neck + "C3_n3", 8 * c, 8 * c, 3, false);
  const Name deeper = b.conv_silu(mean, neck + "bu_conv1.conv", 8 * c, 8 * c, {.size = 3, .stride = 2});
  const Name coarse = yolox_stage(b, joined(deeper, top), neck + "C3_n4", 16 * c, 16 * c, 3, false);

  const std::array<Name, 3> levels{fine, mean, coarse};
  std::vector<Name> rows;
  for (size_t i = 0; i < levels.size(); ++i) {
    const std::string n = "." + std::to_string(i);
    const int64_t width = 4 * c;
    const Name stem = b.conv_silu(levels[i], "head.stems" + n + ".conv", width << i, width, {});
    const auto branch = [&](const char* name) {
      const std::string p = std::string("head.") + name + n;
      const Name y = b.conv_silu(stem, p + ".0.conv", width, width, {.size = 3});
      return b.conv_silu(y, p + ".1.conv", width, width, {.size = 3});
    };
    const Name kind = branch("cls_convs"), place = branch("reg_convs");
    const auto said = [&](const Name& y, const char* name, int64_t out) {
      return b.conv(y, std::string("head.") + name + n, width, out, {});
    };
    const Name boxes = said(place, "reg_preds", 4);
    const Name thing = b.add("Sigmoid", {said(place, "obj_preds", 1)});
    const Name kinds = b.add("Sigmoid", {said(kind, "cls_preds", kKinds)});
    const Name level = b.add("Concat", {boxes, thing, kinds}, {{"axis", whole(1)}});
    rows.push_back(b.add("Reshape", {level, b.constant(std::vector<int64_t>{0, kKinds + 5, -1})}));
  }
  const Name all = b.add("Concat", rows, {{"axis", whole(2)}});
  b.output(b.add("Transpose", {all}, {{"perm", wholes({0, 2, 1})}}), "output", {1, 8400, kKinds + 5});
  return b.finish();
}

namespace {

// --- RTMPose ---

Name csp_layer(OnnxBuilder& b, const Name& x, const std::string& name, int64_t width, int64_t count, bool shortcut) {
  const int64_t hidden = width / 2;
  const Name beside = b.conv_silu(x, name + ".short_conv.conv", width, hidden, {});
  Name main = b.conv_silu(x, name + ".main_conv.conv", width, hidden, {});
  for (int64_t i = 0; i < count; ++i) {
    const std::string p = name + ".blocks." + std::to_string(i);
    Name y = b.conv_silu(main, p + ".conv1.conv", hidden, hidden, {.size = 3});
    y = b.conv_silu(y, p + ".conv2.depthwise_conv.conv", hidden, hidden, {.size = 5, .groups = hidden});
    y = b.conv_silu(y, p + ".conv2.pointwise_conv.conv", hidden, hidden, {});
    main = shortcut ? b.add("Add", {y, main}) : y;
  }
  const Name all = b.add("Concat", {main, beside}, {{"axis", whole(1)}});
  const Name mean = b.add("GlobalAveragePool", {all});
  const Name weights = b.add("HardSigmoid", {b.conv(mean, name + ".attention.fc", width, width, {})},
                             {{"alpha", number(1.0f / 6.0f)}, {"beta", number(0.5f)}});
  return b.conv_silu(b.add("Mul", {all, weights}), name + ".final_conv.conv", width, width, {});
}

// Rows divided by their length, times a number.
Name scale_norm(OnnxBuilder& b, const Name& x, const std::string& name, int64_t width) {
  const Name length = b.add("ReduceL2", {x}, {{"axes", wholes({-1})}, {"keepdims", whole(1)}});
  const float by = 1.0f / std::sqrt(static_cast<float>(width));
  const Name scaled = b.add("Mul", {length, b.constant(std::vector<float>{by})});
  const Name bounded = b.add("Clip", {scaled, b.add("Constant", {}, {{"value_float", number(1e-5f)}})});
  return b.add("Mul", {b.add("Div", {x, bounded}), b.tensor(name + ".g.weight", {1})});
}

}  // namespace

OnnxPlan whole_body_pose(int64_t c, const WholeBodySize& size) {
  constexpr int64_t kParts = 133, kStride = 32;
  OnnxBuilder b(kOpset);
  const std::string body = "backbone.";
  Name x = b.input("input", {-1, 3, size.height, size.width});
  x = b.conv_silu(x, body + "stem.0.conv", 3, c / 2, {.size = 3, .stride = 2});
  x = b.conv_silu(x, body + "stem.1.conv", c / 2, c / 2, {.size = 3});
  x = b.conv_silu(x, body + "stem.2.conv", c / 2, c, {.size = 3});
  constexpr std::array<int64_t, 4> kCounts{3, 6, 6, 3};
  for (int64_t i = 0; i < 4; ++i) {
    const std::string p = body + "stage" + std::to_string(i + 1);
    const int64_t out = 2 * c << i;
    x = b.conv_silu(x, p + ".0.conv", out / 2, out, {.size = 3, .stride = 2});
    if (i == 3) x = pooled_at_sizes(b, x, p + ".1", out);
    x = csp_layer(b, x, p + (i == 3 ? ".2" : ".1"), out, kCounts[static_cast<size_t>(i)], i < 3);
  }
  const int64_t cells = size.height / kStride * (size.width / kStride), width = 4 * c, e = 2 * width, s = width / 2;
  x = b.conv(x, "head.final_layer", 16 * c, kParts, {.size = 7});
  x = b.add("Reshape", {x, b.constant(std::vector<int64_t>{0, kParts, -1})});
  x = b.linear(scale_norm(b, x, "head.mlp.0", cells), "head.mlp.1.weight", cells, width);

  const Name uv = b.silu(b.linear(scale_norm(b, x, "head.gau.ln", width), "head.gau.uv.weight", width, 2 * e + s));
  const std::vector<Name> parts =
      b.add_parts("Split", {uv, b.constant(std::vector<int64_t>{e, e, s})}, 3, {{"axis", whole(2)}});
  const Name base = b.add("Unsqueeze", {parts[2], b.constant(std::vector<int64_t>{2})});
  const Name both = b.add(
      "Add", {b.add("Mul", {base, b.tensor("head.gau.gamma", {1, 1, 2, s})}), b.tensor("head.gau.beta", {1, 1, 2, s})});
  const auto half = [&](int64_t i) {
    return b.add("Gather", {both, b.add("Constant", {}, {{"value_int", whole(i)}})}, {{"axis", whole(2)}});
  };
  const Name scores = b.add("MatMul", {half(0), b.add("Transpose", {half(1)}, {{"perm", wholes({0, 2, 1})}})});
  const float root = std::sqrt(static_cast<float>(s));
  const Name positive = b.add("Relu", {b.add("Div", {scores, b.constant(std::vector<float>{root})})});
  const Name mixed = b.add("MatMul", {b.add("Mul", {positive, positive}), parts[1]});
  const Name gated = b.linear(b.add("Mul", {parts[0], mixed}), "head.gau.o.weight", e, width);
  x = b.add("Add", {b.add("Mul", {x, b.tensor("head.gau.res_scale.weight", {width})}), gated});
  b.output(b.linear(x, "head.cls_x.weight", width, 2 * size.width), "simcc_x", {-1, kParts, 2 * size.width});
  b.output(b.linear(x, "head.cls_y.weight", width, 2 * size.height), "simcc_y", {-1, kParts, 2 * size.height});
  return b.finish();
}

}  // namespace easel::synth
