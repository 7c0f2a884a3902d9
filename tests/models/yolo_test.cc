// Detectors of ultralytics, against the same networks written down in numpy (values/yolo.py), and against answers that
// are known.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "formats/tensors/torch_writer.h"
#include "models/detect/yolo.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "support/square_detector.h"
#include "support/temp_folder.h"
#include "synth/models/yolo_plan.h"

namespace easel::models {
namespace {

using formats::ModelFile;
using formats::TorchModule;
using testing::TempFolder;

// As torch would save it, and read back; its values are the test's.
ModelFile saved(const TorchModule& module, std::vector<std::pair<std::string, formats::TorchPlain>> beside = {}) {
  const TempFolder folder;
  beside.emplace_back("epoch", int64_t{-1});
  formats::TorchWriter writer(folder.path() / "made.pt", "model", module, DType::kF16, beside);
  for (const auto& [name, shape] : module.tensors()) {
    const std::vector<Half> zeros(static_cast<size_t>(shape.numel()), Half(0.0f));
    writer.write(zeros.data(), zeros.size() * sizeof(Half));
  }
  writer.commit();
  return formats::open_model_file(folder.path() / "made.pt");
}

// With made-up values, whose phases count up; the bins have their real distances.
ModelFile made(ModelFile file) {
  StoredTensors out;
  double phase = 0;
  for (const auto& [name, tensor] : *file.tensors) {
    const Shape& shape = tensor.shape();
    const Tensor values = sines(shape, phase++);
    if (name.ends_with("dfl.conv.weight")) {
      Tensor distances(shape);
      for (int64_t i = 0; i < distances.numel(); ++i) distances.f32()[i] = static_cast<float>(i);
      out.set(name, distances);
    } else if (shape.rank() == 1 && (name.ends_with("weight") || name.ends_with("running_var"))) {
      out.set(name, ops::affine(values, 0.1f, 1.0f));
    } else if (shape.rank() == 1) {
      out.set(name, ops::affine(values, 0.1f));
    } else {
      const auto inputs = static_cast<double>(shape.numel() / shape[0]);
      out.set(name, ops::affine(values, static_cast<float>(1.7 / std::sqrt(inputs))));
    }
  }
  file.tensors = std::make_shared<const StoredTensors>(std::move(out));
  return file;
}

YoloNetwork network(const ModelFile& file) {
  const YoloModule whole(nn::Weights(file.tensors, DType::kF32, "made"),
                         std::make_shared<const formats::Metadata>(file.metadata));
  return YoloNetwork(whole["model"]);
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    EXPECT_NE(e.fault(), Fault::kInternal) << e.message();
    return e.message();
  }
  return "nothing was refused";
}

const synth::YoloScale kEighth{0.125, 0.33, 512}, kEighthN{0.125, 0.33, 1024};

TEST(Yolo, Version8SeesWhatTheFormulasSay) {
  const ModelFile file = made(saved(synth::yolov8(kEighth, {"cat", "dog"}, true)));
  const image::DetectorSaid said = network(file).forward(ops::affine(sines({1, 64, 96, 3}, 0.25), 0.5f, 0.5f));
  ASSERT_EQ(said.grids.size(), 3u);
  EXPECT_EQ(said.grids[0].sides.shape(), (Shape{1, 8, 12, 64}));
  EXPECT_EQ(said.grids[2].step, 32);
  EXPECT_EQ(said.distances.at(15), 15.0f);
  expect_summary(said.grids[0].sides, {{-0.19396364f, -0.029495053f, -0.19337214f, 0.11134164f}, 0.19170143}, 2e-6);
  expect_summary(said.grids[0].scores, {{-0.021484117f, 0.093731813f, -0.021040079f, 0.091681247f}, 0.06788058}, 2e-6);
  expect_summary(said.grids[0].coefficients, {{-0.17806854f, 0.045593116f, -0.17233229f, 0.16850131f}, 0.14834297},
                 2e-6);
  expect_summary(said.grids[1].sides, {{-0.14660298f, 0.0021389355f, -0.14669746f, 0.15588937f}, 0.18996497}, 2e-6);
  expect_summary(said.grids[1].scores, {{-0.025526846f, 0.12304558f, -0.023255928f, 0.12519373f}, 0.086456854}, 2e-6);
  expect_summary(said.grids[2].sides, {{-0.10028077f, 0.048621146f, -0.096450662f, 0.20009017f}, 0.18900954}, 2e-6);
  expect_summary(said.grids[2].coefficients, {{-0.20943669f, -0.029975158f, -0.19371159f, 0.15651895f}, 0.15374942},
                 2e-6);
  expect_summary(said.masks, {{-0.046314346f, -0.0098512986f, -0.050802778f, 0.039161629f}, 0.070128688}, 2e-6);
}

TEST(Yolo, Version11SeesWhatTheFormulasSay) {
  const ModelFile file = made(saved(synth::yolo11(kEighthN, {"a", "b", "c"}, false)));
  const image::DetectorSaid said = network(file).forward(ops::affine(sines({1, 64, 96, 3}, 0.25), 0.5f, 0.5f));
  ASSERT_EQ(said.grids.size(), 3u);
  EXPECT_FALSE(said.masks.defined());
  expect_summary(said.grids[0].sides, {{-0.22083492f, 0.04296532f, -0.21981397f, 0.094887475f}, 0.20161374}, 2e-6);
  expect_summary(said.grids[0].scores, {{-0.032676683f, 0.14604136f, -0.021897483f, 0.080168639f}, 0.084184421}, 2e-6);
  expect_summary(said.grids[1].sides, {{-0.24321453f, -0.0016147209f, -0.24200323f, 0.065289725f}, 0.19647633}, 2e-6);
  expect_summary(said.grids[1].scores, {{-0.20738683f, -0.02579845f, -0.20457412f, 0.097024519f}, 0.12636483}, 2e-6);
  expect_summary(said.grids[2].sides, {{-0.25451108f, -0.026091919f, -0.21987259f, 0.05605433f}, 0.19572893}, 2e-6);
  expect_summary(said.grids[2].scores, {{-0.032914247f, 0.14598112f, -0.015217746f, 0.070345214f}, 0.084556649}, 2e-6);
}

TEST(Yolo, AFusedFileSeesTheSame) {
  // The norm of a convolution is in its weights, as ultralytics' fuse() leaves it.
  TorchModule plain = synth::yolov8(kEighth, {"cat"}, false);
  const ModelFile file = made(saved(plain));
  const Tensor pixels = ops::affine(sines({1, 64, 64, 3}, 0.5), 0.5f, 0.5f);
  const std::function<void(TorchModule&)> fuse = [&](TorchModule& module) {
    for (auto& [name, inner] : module.modules) fuse(inner);
    std::erase_if(module.modules, [](const auto& one) { return one.first == "bn"; });
    if (!module.kind.ends_with(".Conv") || module.modules.empty()) return;
    module.own_method = "forward_fuse";
    module.modules[0].second.parameters.emplace_back("bias", Shape{module.modules[0].second.parameters[0].second[0]});
  };
  fuse(plain);
  ModelFile fused = saved(plain);
  StoredTensors values;
  for (const auto& [name, tensor] : *fused.tensors) {
    const std::string norm = name.substr(0, name.rfind("conv.")) + "bn.";
    const StoredTensor* gain = file.tensors->find(norm + "weight");
    if (!gain || name.find(".conv.") == std::string::npos) {
      values.set(name, *file.tensors->find(name));
      continue;
    }
    const auto of = [&](const char* what) { return file.tensors->find(norm + what)->decoded(); };
    Tensor out = clone(name.ends_with("bias") ? of("bias") : file.tensors->find(name)->decoded());
    for (int64_t i = 0, each = out.numel() / out.dim(0); i < out.numel(); ++i) {
      const auto at = i / each;
      const double scale = static_cast<double>(of("weight").f32()[at]) /
                           std::sqrt(static_cast<double>(of("running_var").f32()[at]) + 0.001);
      const double v = name.ends_with("bias") ? static_cast<double>(of("bias").f32()[at]) -
                                                    scale * static_cast<double>(of("running_mean").f32()[at])
                                              : static_cast<double>(out.f32()[i]) * scale;
      out.f32()[i] = static_cast<float>(v);
    }
    values.set(name, out);
  }
  fused.tensors = std::make_shared<const StoredTensors>(std::move(values));
  const image::DetectorSaid a = network(file).forward(pixels), b = network(fused).forward(pixels);
  for (size_t i = 0; i < a.grids.size(); ++i)
    for (int64_t k = 0; k < a.grids[i].sides.numel(); ++k)
      ASSERT_NEAR(a.grids[i].sides.f32()[k], b.grids[i].sides.f32()[k], 2e-6) << i;
}

TEST(Yolo, SaysWhatAFileHolds) {
  const YoloConfig faces =
      read_yolo_config(formats::open_model_file(tiny_models_dir() / "ultralytics/bbox/face_yolov8m.pt"));
  EXPECT_EQ(faces.kinds, (std::vector<std::string>{"face"}));
  EXPECT_EQ(faces.family, "DetectionModel");
  EXPECT_FALSE(faces.masks);
  EXPECT_EQ(faces.step, 32);
  EXPECT_EQ(faces.size, (image::Size{128, 128}));
  const YoloConfig people =
      read_yolo_config(formats::open_model_file(tiny_models_dir() / "ultralytics/segm/person_yolov8m-seg.pt"));
  EXPECT_TRUE(people.masks);
  EXPECT_EQ(people.kinds, (std::vector<std::string>{"person"}));
  // Sizes are brought to whole steps; a file that does not say one means 640.
  const TorchModule module = synth::yolov8(kEighth, {"cat"}, false);
  const auto size = [&](const std::vector<std::pair<std::string, formats::TorchPlain>>& beside) {
    return read_yolo_config(saved(module, beside)).size;
  };
  using Arguments = std::map<std::string, int64_t>;
  EXPECT_EQ(size({}), (image::Size{640, 640}));
  EXPECT_EQ(size({{"train_args", Arguments{{"imgsz", 650}}}}), (image::Size{672, 672}));
  EXPECT_NE(refusal([&] { size({{"train_args", Arguments{{"imgsz", 1 << 20}}}}); }).find("1048576"), std::string::npos);
}

// The first module of that name below one.
TorchModule& inside(TorchModule& module, const std::vector<std::string>& path) {
  TorchModule* at = &module;
  for (const std::string& name : path)
    for (auto& [inner, one] : at->modules)
      if (inner == name) {
        at = &one;
        break;
      }
  return *at;
}

TEST(Yolo, NamesWhatIsWrongWithAFile) {
  const auto with = [](const std::function<void(TorchModule&)>& change) {
    TorchModule module = synth::yolov8(kEighth, {"cat"}, true);
    change(module);
    const ModelFile file = saved(module);
    return refusal([&] { read_yolo_config(file); });
  };
  EXPECT_EQ(with([](TorchModule&) {}), "nothing was refused");
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "2"}).kind = "ultralytics.nn.modules.block.RepNCSPELAN4";
            }).find("'model.model.2' (RepNCSPELAN4)"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "1", "conv"}).parameters[0].second = {16, 7, 3, 3};
            }).find("'model.model.1.conv' (Conv2d) has weights [16, 7, 3, 3] for 8 channels"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "1", "conv"}).parameters.clear();
            }).find("conv.weight"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "1", "bn"}).buffers.pop_back();
            }).find("bn.running_var"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "11"}).attributes[2].second = std::vector<int64_t>{-1, 30};
            }).find("'model.model.11' (Concat) takes a map that is not made before it"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "11"}).attributes.clear();
            }).find("'model.model.11'"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "22"}).kind = "ultralytics.nn.modules.head.Classify";
            }).find("(Classify) gives something else than boxes and masks"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "22"}).attributes[0].second = int64_t{5};
            }).find("for 5 kinds of things"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              inside(m, {"model", "0", "act"}).kind = "torch.nn.modules.activation.Mish";
            }).find("'model.model.0.act' (Mish)"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) { inside(m, {"model"}).modules.clear(); }).find("saved whole"), std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              for (auto& [name, value] : inside(m, {"model", "1", "conv"}).attributes)
                if (name == "groups") value = (int64_t{1} << 61) + 1;  // eight times that is 8 again
            }).find("'model.model.1.conv' (Conv2d) has weights"),
            std::string::npos);
  EXPECT_NE(with([](TorchModule& m) {
              TorchModule twice{.kind = "torch.nn.modules.upsampling.Upsample"};
              twice.attributes = {{"scale_factor", 2.0}, {"mode", std::string("nearest")}};
              TorchModule& first = inside(m, {"model", "0"});
              first.kind = "torch.nn.modules.container.Sequential";
              first.modules.clear();
              for (int i = 0; i < 64; ++i) first.modules.emplace_back(std::to_string(i), twice);
            }).find("'model.model.0' (Sequential) changes the size of a map too often"),
            std::string::npos);
  // What a pickle cannot say, but a text beside tensors can.
  const auto said = [](const std::function<void(formats::Metadata&)>& change) {
    ModelFile file = saved(synth::yolov8(kEighth, {"cat"}, true));
    change(file.metadata);
    return refusal([&] { read_yolo_config(file); });
  };
  const auto many = [](int n, const std::string& what) {
    std::string out = what;
    for (int i = 1; i < n; ++i) out += "," + what;
    return out;
  };
  EXPECT_NE(said([&](auto& text) { text["model.model.1.f"] = many(65, "0"); }).find("too long"), std::string::npos);
  EXPECT_NE(said([&](auto& text) {
              for (const std::string place : {"model.model.1.", "model.model.2.", "model.model.3."}) {
                text[place + "__class__"] = "ultralytics.nn.modules.conv.Concat";
                text[place + "d"] = "1";
                text[place + "f"] = many(64, "-1");
              }
            }).find("'model.model.3' (Concat) joins more channels"),
            std::string::npos);
  EXPECT_NE(said([&](auto& text) {
              std::string place = "model.model.0.";
              for (int i = 0; i < 40; ++i, place += "0.")
                text[place + "__class__"] = "torch.nn.modules.container.Sequential";
            }).find("lies too deep"),
            std::string::npos);
  StoredTensors bare;
  bare.set("model.0.conv.weight", Tensor::zeros({8, 3, 3, 3}));
  ModelFile tensors;
  tensors.path = "bare.pt";
  tensors.tensors = std::make_shared<const StoredTensors>(bare);
  EXPECT_NE(refusal([&] { read_yolo_config(tensors); }).find("no detector of ultralytics"), std::string::npos);
}

image::BytePicture with_pixels(int64_t height, int64_t width, const std::vector<std::array<int64_t, 3>>& bright) {
  image::BytePicture out(height, width, 3);
  for (const auto& [y, x, value] : bright)
    for (int64_t c = 0; c < 3; ++c) out.at(y, x)[c] = static_cast<uint8_t>(value);
  return out;
}

TEST(Yolo, FindsBoxesAndMasksWhereTheyAre) {
  const TempFolder folder;
  testing::write_square_detector(folder.path() / "square.pt", {.masks = true});
  memory::Residency residency;
  const YoloHandle handle = load_yolo(residency, formats::open_model_file(folder.path() / "square.pt"));
  EXPECT_EQ(handle.kind_name(1), "hand");
  // Of the size that it was made for: the pixels of cells 2,3 and 5,1 count.
  const image::BytePicture picture = with_pixels(64, 64, {{16, 24, 255}, {40, 8, 204}, {41, 41, 255}});
  const auto found = detect(residency, handle, picture, 0.5, true);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NEAR(found[0].score, 1 / (1 + std::exp(-10.0)), 1e-6);
  EXPECT_NEAR(found[1].score, 1 / (1 + std::exp(-6.0)), 1e-6);
  EXPECT_EQ(found[0].kind, 0);
  for (const auto& [side, expected] : std::vector<std::pair<float, float>>{{found[0].left, 20},
                                                                           {found[0].top, 12},
                                                                           {found[0].right, 36},
                                                                           {found[0].bottom, 28},
                                                                           {found[1].left, 4},
                                                                           {found[1].top, 36},
                                                                           {found[1].right, 20},
                                                                           {found[1].bottom, 52}})
    EXPECT_NEAR(side, expected, 1e-4);
  EXPECT_EQ(detect(residency, handle, picture, 0.9999, false).size(), 1u);
  EXPECT_EQ(detect(residency, handle, picture, 1.0, false).size(), 0u);
  // Maps of 8 x 8, cut to the cells from 2.5 to 4.5 and from 1.5 to 3.5: one is above 0, of which bilinear enlargement
  // makes the pixels that lie nearer to it than its neighbours' half.
  const Tensor& mask = found[0].mask;
  ASSERT_EQ(mask.shape(), (Shape{1, 64, 64}));
  double sum = 0;
  for (const float v : mask.values()) sum += static_cast<double>(v);
  EXPECT_GT(sum, 0);
  EXPECT_EQ(mask.f32()[20 * 64 + 28], 1.0f);
  EXPECT_EQ(mask.f32()[4 * 64 + 4], 0.0f);
  // Twice as wide as high, and twice as large: shown in half its size, and boxes come back in its own.
  const image::BytePicture wide = with_pixels(64, 128, {{32, 48, 255}, {32, 49, 255}, {33, 48, 255}, {33, 49, 255}});
  const auto in_wide = detect(residency, handle, wide, 0.5, false);
  ASSERT_EQ(in_wide.size(), 1u);
  EXPECT_NEAR(in_wide[0].left, 40, 1e-3);
  EXPECT_NEAR(in_wide[0].top, 24, 1e-3);
  EXPECT_NEAR(in_wide[0].right, 72, 1e-3);
  EXPECT_NEAR(in_wide[0].bottom, 56, 1e-3);
}

}  // namespace
}  // namespace easel::models
