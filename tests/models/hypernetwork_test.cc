#include "models/patch/hypernetwork.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <optional>

#include "formats/torch_samples.h"
#include "models/checkpoint/checkpoint.h"
#include "models/model_patch.h"
#include "models_support.h"
#include "numbers_support.h"
#include "support/temp_folder.h"
#include "unet_support.h"

namespace easel::models {
namespace {

using testing::max_difference;

// Expected values: values/adapters.py.
struct Case {
  const char* activation;
  bool norms, at_the_end;
  Summary key, value;
};
const Case kCases[] = {
    {"linear",
     false,
     false,
     {{8.5259040f, -1.3390520f, 5.5724875f, -10.9318359f}, 7.7284570},
     {{-6.0194485f, 12.3789698f, -5.7582886f, 3.1399921f}, 8.0335527}},
    {"relu",
     false,
     false,
     {{-2.4105486f, 8.3197089f, -1.7730470f, 1.8619484f}, 5.9740846},
     {{0.0489036f, 6.9512941f, 2.3046745f, -2.2329858f}, 6.9918696}},
    {"leakyrelu",
     false,
     false,
     {{-2.3011841f, 8.2231213f, -1.6995916f, 1.7340105f}, 5.9597273},
     {{-0.0117799f, 7.0055709f, 2.2240448f, -2.1792560f}, 6.9875666}},
    {"elu",
     false,
     false,
     {{-0.6981979f, 6.7206248f, -0.5830273f, 0.2693430f}, 5.7319387},
     {{-1.4716648f, 8.2406720f, 0.9567019f, -0.9426262f}, 6.9743364}},
    {"swish",
     false,
     false,
     {{-2.5162474f, 8.6581560f, -1.1090589f, 2.0628446f}, 6.0971632},
     {{-0.6218615f, 7.6957318f, 2.6045947f, -1.6319209f}, 6.9864975}},
    {"tanh",
     false,
     false,
     {{1.8298961f, -0.0933519f, 1.0866313f, -1.0281924f}, 1.4223202},
     {{-1.0056889f, 3.2000374f, 0.2593192f, 0.5265077f}, 1.5626285}},
    {"sigmoid",
     false,
     false,
     {{-0.0738582f, 1.5597462f, -0.6166285f, 0.0915583f}, 1.1737660},
     {{0.9482768f, 1.4301885f, 1.1271128f, -1.2859061f}, 1.3236166}},
    {"softsign",
     false,
     false,
     {{1.5660417f, 0.1640522f, 0.8619326f, -1.1730228f}, 1.2270403},
     {{-0.5628857f, 2.7576912f, 0.0078252f, 0.1212787f}, 1.3096297}},
    {"mish",
     false,
     false,
     {{-2.3468001f, 8.3651465f, -1.3557713f, 2.0475872f}, 6.0047122},
     {{-0.4550752f, 7.4498048f, 2.5248172f, -1.7270633f}, 7.0087535}},
    {"relu",
     false,
     true,
     {{0.5912879f, 8.3197089f, 0.1506201f, 1.8619484f}, 4.2915368},
     {{0.5912879f, 6.9512941f, 2.3046745f, -0.7939829f}, 4.9394162}},
    {"relu",
     true,
     false,
     {{0.3056541f, 1.0345085f, 0.5742549f, -1.3460268f}, 0.9443484},
     {{2.2126924f, 0.1397062f, 1.4387168f, -1.2623298f}, 0.9774037}},
    {"tanh",
     true,
     true,
     {{1.7262553f, 0.2076416f, 0.8686971f, -1.5035919f}, 1.0051244},
     {{1.5599189f, -0.1100006f, 1.0157458f, -1.7878895f}, 1.0101764}},
};

// A network of structure 1, 2, 1 for rows of `width` numbers.
StoredTensors small_file(bool norms, int64_t width = 16) {
  StoredTensors out;
  int count = 0;
  const auto add = [&](const std::string& name, const Shape& shape, float by, float shift) {
    Tensor t = sines(shape, ++count);
    for (float& v : t.values()) v = v * 0.3f * by + shift;
    out.set(name, t);
  };
  for (const char* part : {".0", ".1"}) {
    int64_t number = 0, in = width;
    for (const int64_t rows : {2 * width, width}) {
      const auto name = [&] { return std::to_string(width) + part + ".linear." + std::to_string(number); };
      add(name() + ".weight", {rows, in}, 4, 0);
      add(name() + ".bias", {rows}, 1, 0);
      ++number;
      if (norms) {
        add(name() + ".weight", {rows}, 1, 1);
        add(name() + ".bias", {rows}, 1, 0);
        ++number;
      }
      in = rows;
    }
  }
  return out;
}

formats::ModelFile as_file(StoredTensors tensors, formats::Metadata texts = {}) {
  formats::ModelFile file;
  file.path = "small.pt";
  file.tensors = std::make_shared<const StoredTensors>(std::move(tensors));
  file.metadata = std::move(texts);
  return file;
}

TEST(Hypernetwork, ComputesWhatItsFormulasSay) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.activation) + (c.norms ? " norms" : "") + (c.at_the_end ? " end" : ""));
    memory::Residency residency;
    const HypernetworkHandle handle =
        load_hypernetwork(residency,
                          as_file(small_file(c.norms), {{"activation_func", c.activation},
                                                        {"is_layer_norm", c.norms ? "True" : "False"},
                                                        {"activate_output", c.at_the_end ? "True" : "False"},
                                                        {"use_dropout", "True"}}),
                          DType::kF32);
    const auto net = handle.model->get();
    EXPECT_EQ(net->bytes(), handle.model->estimated_bytes());
    EXPECT_TRUE(net->takes(16));
    EXPECT_FALSE(net->takes(32));
    const Tensor rows = sines({2, 5, 16}, 7);
    expect_summary(net->changed(Hypernetwork::Part::kKey, rows, 0.75f), c.key, 2e-5);
    expect_summary(net->changed(Hypernetwork::Part::kValue, rows, 0.75f), c.value, 2e-5);
  }
}

// A file as stable-diffusion-webui writes it, by PyTorch 1.13: {2: [keys, values], "step": 100, "activation_func":
// "relu", "is_layer_norm": False, "activate_output": True, "sd_checkpoint": None, ...}, whose keys' network has the
// matrix diag(1, 2) and the bias (1, -1), the values' three times those.
constexpr std::string_view kSavedHex =
    "80028a0a6cfc9c46f9206aa850192e80024de9032e80027d710028581000000070726f746f636f6c5f76657273696f6e71014de90358"
    "0d0000006c6974746c655f656e6469616e710288580a000000747970655f73697a657371037d710428580500000073686f727471054b"
    "025803000000696e7471064b0458040000006c6f6e6771074b0475752e80027d7100284b025d71012863636f6c6c656374696f6e730a"
    "4f726465726564446963740a71022952710328580f0000006c696e6561722e302e776569676874710463746f7263682e5f7574696c73"
    "0a5f72656275696c645f74656e736f725f76320a71052828580700000073746f72616765710663746f7263680a466c6f617453746f72"
    "6167650a710758090000003331313935353337367108580300000063707571094b044e74710a514b004b024b0286710b4b024b018671"
    "0c8968022952710d74710e52710f580d0000006c696e6561722e302e6269617371106805282868066807580900000033373430333234"
    "3830711168094b024e747112514b004b028571134b018571148968022952711574711652711775680229527118286804680528286806"
    "68075809000000333733393236303438711968094b044e74711a514b004b024b0286711b4b024b0186711c8968022952711d74711e52"
    "711f681068052828680668075809000000333734303332353736712068094b024e747121514b004b028571224b018571238968022952"
    "7124747125527126756558040000007374657071274b6458040000006e616d6571285801000000787129580f0000006c617965725f73"
    "7472756374757265712a5d712b284b014b0165580f00000061637469766174696f6e5f66756e63712c580400000072656c75712d580d"
    "00000069735f6c617965725f6e6f726d712e89580b0000007573655f64726f706f7574712f89580f00000061637469766174655f6f75"
    "74707574713088580d00000073645f636865636b706f696e7471314e752e80025d710028580900000033313139353533373671015809"
    "00000033373339323630343871025809000000333734303332343830710358090000003337343033323537367104652e040000000000"
    "00000000803f00000000000000000000004004000000000000000000404000000000000000000000c04002000000000000000000803f"
    "000080bf020000000000000000004040000040c0";

TEST(Hypernetwork, ReadsAFileAsItIsSaved) {
  const testing::TempFolder folder;
  const auto path = folder.path() / "small.pt";
  std::ofstream(path, std::ios::binary) << testing::from_hex(kSavedHex);
  const formats::ModelFile file = formats::open_model_file(path);
  EXPECT_EQ(file.metadata.at("activation_func"), "relu");
  EXPECT_EQ(file.metadata.at("is_layer_norm"), "False");
  EXPECT_EQ(file.metadata.at("activate_output"), "True");
  EXPECT_EQ(file.metadata.at("sd_checkpoint"), "None");
  memory::Residency residency;
  const auto net = load_hypernetwork(residency, file, DType::kF32).model->get();
  const Tensor rows = Tensor::of({1, 2, 2}, {1.0f, 0.25f, -4.0f, 1.0f});
  // Two times relu(x + 1) and relu(2 y - 1) more; three times that for values.
  EXPECT_EQ(to_vector(net->changed(Hypernetwork::Part::kKey, rows, 2.0f)), (std::vector<float>{5, 0.25f, -4, 3}));
  EXPECT_EQ(to_vector(net->changed(Hypernetwork::Part::kValue, rows, 2.0f)), (std::vector<float>{13, 0.25f, -4, 7}));
}

TEST(Hypernetwork, RefusesWhatItDoesNotKnow) {
  const auto fault = [](const formats::ModelFile& file) {
    memory::Residency residency;
    try {
      load_hypernetwork(residency, file, DType::kF32);
    } catch (const Error& e) {
      EXPECT_NE(e.what(), std::string());
      return std::optional(e.fault());
    }
    return std::optional<Fault>();
  };
  EXPECT_FALSE(fault(as_file(small_file(false))));
  EXPECT_EQ(fault(as_file(small_file(false), {{"activation_func", "gelu"}})), Fault::kUnsupported);
  EXPECT_EQ(fault(as_file(small_file(false), {{"activation_func", "None"}})), Fault::kUnsupported);
  EXPECT_EQ(fault(as_file({})), Fault::kUnsupported);
  // Two linear layers cannot be a layer and its norm.
  EXPECT_EQ(fault(as_file(small_file(false), {{"is_layer_norm", "True"}})), Fault::kBadFile);
  const StoredTensors good = small_file(true);
  for (const auto& [name, tensor] : good) {
    StoredTensors lacking;
    for (const auto& [other, kept] : good)
      if (other != name) lacking.set(other, kept);
    EXPECT_TRUE(fault(as_file(lacking, {{"is_layer_norm", "True"}}))) << name;
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{3}, Shape{5, 3}, Shape{0, 16}, Shape{2, 2, 2}}) {
      StoredTensors bad = good;
      bad.set(name, Tensor::zeros(shape));
      const auto found = fault(as_file(bad, {{"is_layer_norm", "True"}}));
      EXPECT_TRUE(found) << name << shape.str();
      EXPECT_NE(found, Fault::kInternal) << name << shape.str();
    }
  }
}

// In a UNet: keys and values of both attentions are made of changed rows. The same comes of weights that do it
// themselves: of a linear network without a hidden layer, x + s (A x + b), attention's own matrix is W + s W A, and its
// result moves by s W b, which for keys does not change the softmax.
TEST(Hypernetwork, ChangesBothAttentions) {
  const nn::Weights weights =
      tiny_weights("checkpoints/v1-5-pruned-emaonly.safetensors", DType::kF32)["model"]["diffusion_model"];
  const UNet unet(weights);
  memory::Residency residency;
  const auto file = formats::open_model_file(tiny_models_dir() / "hypernetworks/sd15_style.pt");
  const HypernetworkHandle handle = load_hypernetwork(residency, file, DType::kF32);
  EXPECT_EQ(handle.config.keys.size(), 3U);
  const auto checkpoint =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                      residency, DType::kF32);
  const auto hooked = [&](const HypernetworkHandle& net, float strength) {
    const ModelHandle patched = with_hypernetwork(checkpoint.model, net, strength);
    const std::vector<AttentionHookPtr> hooks = {patched.patches[0]->attention()};
    UNetInputs in = made_up_inputs(unet, {2, 8, 8, 4});
    in.context = unet.project(in.context->context, hooks);
    in.hooks = hooks;
    return unet.forward(in);
  };
  const Tensor plain = unet.forward(made_up_inputs(unet, {2, 8, 8, 4}));
  EXPECT_LE(testing::relative_error(hooked(handle, 0.0f), plain), 1e-6);
  EXPECT_GT(testing::relative_error(hooked(handle, 1.0f), plain), 1e-3);

  // One layer for each width, its key and value parts as different as can be.
  StoredTensors flat;
  std::map<int64_t, std::array<Tensor, 2>> matrices;
  for (const int64_t width : {32, 64, 128})
    for (const size_t part : {size_t{0}, size_t{1}}) {
      Tensor matrix = sines({width, width}, static_cast<double>(width) + static_cast<double>(part));
      for (float& v : matrix.values()) v *= 0.1f;
      const std::string name = std::to_string(width) + "." + std::to_string(part) + ".linear.0";
      flat.set(name + ".weight", matrix);
      flat.set(name + ".bias", Tensor::zeros({width}));
      matrices[width][part] = matrix;
    }
  const float strength = 0.5f;
  class Folded final : public nn::WeightPatch {
   public:
    Folded(const std::map<int64_t, std::array<Tensor, 2>>& matrices, float strength)
        : matrices_(matrices), strength_(strength) {}
    StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
      const bool key = name.ends_with(".to_k.weight"), value = name.ends_with(".to_v.weight");
      if (!key && !value) return weight;
      const Tensor w = weight.decoded();
      const Tensor& a = matrices_.at(w.dim(1))[value ? 1 : 0];
      Tensor out(w.shape());
      const int64_t rows = w.dim(0), inner = w.dim(1);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < inner; ++c) {
          double sum = 0;
          for (int64_t i = 0; i < inner; ++i)
            sum += static_cast<double>(w.f32()[r * inner + i]) * static_cast<double>(a.f32()[i * inner + c]);
          out.f32()[r * inner + c] =
              static_cast<float>(static_cast<double>(w.f32()[r * inner + c]) + static_cast<double>(strength_) * sum);
        }
      return out;
    }
    std::string key() const override { return "folded"; }

   private:
    const std::map<int64_t, std::array<Tensor, 2>>& matrices_;
    float strength_;
  };
  const UNet folded(weights.patched({std::make_shared<const Folded>(matrices, strength)}));
  const Tensor expected = folded.forward(made_up_inputs(folded, {2, 8, 8, 4}));
  EXPECT_GT(testing::relative_error(expected, plain), 1e-3);
  const HypernetworkHandle one = load_hypernetwork(residency, as_file(flat), DType::kF32);
  EXPECT_LE(testing::relative_error(hooked(one, strength), expected), 2e-6);
}

TEST(Hypernetwork, CountsItsModelAndKeepsIt) {
  memory::Residency residency;
  const auto file = formats::open_model_file(tiny_models_dir() / "hypernetworks/sd15_style.pt");
  const HypernetworkHandle handle = load_hypernetwork(residency, file, DType::kF32);
  const auto checkpoint =
      load_checkpoint(formats::open_model_file(tiny_models_dir() / "checkpoints/v1-5-pruned-emaonly.safetensors"),
                      residency, DType::kF32);
  const ModelHandle patched = with_hypernetwork(checkpoint.model, handle, 1.0f);
  const AttentionHookPtr hook = patched.patches[0]->attention();
  EXPECT_EQ(hook->beside(), handle.model.get());
  {
    const auto held = hook->hold();
    residency.evict_all();
    EXPECT_GT(handle.model->loaded_bytes(), 0U);
  }
  residency.evict_all();
  EXPECT_EQ(handle.model->loaded_bytes(), 0U);
}

}  // namespace
}  // namespace easel::models
