// Archives of TorchScript: their tensors are read as those of any torch file, their code is not.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "formats/temp_files.h"
#include "formats/tensors/model_file.h"
#include "formats/zip_builder.h"

namespace easel::formats {
namespace {

using testing::build_zip;

std::string text(const std::string& s) {
  std::string out = "X";
  testing::put_le(out, s.size(), 4);
  return out + s;
}
std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }

// f32 [2] from an element of the storage "0" on.
std::string tensor(char offset) {
  const std::string storage =
      "(" + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") + "K\x04tQ";
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + "K" + offset + "K\x02\x85K\x01\x85\x89" +
         global("collections", "OrderedDict") + ")RtR";
}

// An object of a class, as torch.jit.save writes one: made of nothing, then given its attributes.
std::string module(const std::string& package, const std::string& name, const std::string& attributes) {
  return global(package, name) + ")\x81}(" + attributes + "ub";
}

std::string script(const std::string& root, bool constants = true) {
  const float numbers[4] = {1, 2, 3, 4};
  std::vector<testing::ZipPart> parts{
      {.name = "big/data.pkl", .content = "\x80\x02" + root + "."},
      {.name = "big/data/0", .content = std::string(reinterpret_cast<const char*>(numbers), sizeof(numbers))},
      // Compressed, as torch writes code; it is never looked at.
      {.name = "big/code/__torch__.py", .content = "\x03\x00", .method = 8},
      {.name = "big/version", .content = "3\n"}};
  if (constants) parts.push_back({.name = "big/constants.pkl", .content = "\x80\x02)."});
  return build_zip(parts);
}

ModelFile open_bytes(const std::string& bytes) {
  testing::TempFolder folder;
  return open_model_file(folder.file("big-lama.pt", bytes));
}

std::string refused(const std::string& bytes) {
  try {
    open_bytes(bytes);
    return "it was read";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile) << e.message();
    return e.message();
  }
}

std::string network(const std::string& more = "") {
  const std::string convolution = module("__torch__.torch.nn.modules.conv.___torch_mangle_7", "Conv2d",
                                         text("training") + "\x89" + text("weight") + tensor(0) + text("stride") +
                                             global("torch.jit._pickle", "build_intlist") + "]K\x01" + "a\x85R");
  return module("__torch__", "Wrapper",
                text("training") + "\x89" + text("_is_full_backward_hook") + "N" + text("generator") +
                    module("__torch__.made.up", "Generator", text("0") + convolution + text("bias") + tensor(2)) +
                    more);
}

TEST(TorchScript, ItsTensorsHaveTheNamesOfAttributes) {
  const ModelFile file = open_bytes(script(network()));
  EXPECT_EQ(file.container, Container::kTorchZip);
  ASSERT_EQ(file.tensors->size(), 2u);
  const StoredTensor* weight = file.tensors->find("generator.0.weight");
  const StoredTensor* bias = file.tensors->find("generator.bias");
  ASSERT_TRUE(weight && bias);
  EXPECT_EQ(weight->decoded().f32()[1], 2.0f);
  EXPECT_EQ(bias->decoded().f32()[1], 4.0f);
}

TEST(TorchScript, WhatCouldActIsRefusedAllTheSame) {
  const std::string call = text("x") + global("os", "system") + text("true") + "\x85R";
  EXPECT_NE(refused(script(network(call))).find("os.system"), std::string::npos);
  // Names of TorchScript's own stand for nothing where its archives are not.
  EXPECT_NE(refused(script(network(), false)).find("__torch__"), std::string::npos);
  EXPECT_NE(refused(script(network(text("x") + global("torch.jit", "load") + ")R"))).find("torch.jit.load"),
            std::string::npos);
  EXPECT_NE(refused(script(network(text("x") + global("torch.jit._pickle", "eval") + ")R"))).find("eval"),
            std::string::npos);
  // A module that holds itself.
  const std::string endless = global("__torch__", "Ring") + ")\x81q\x01}(" + text("next") + "h\x01ub";
  EXPECT_NE(refused(script(endless)).find("deep"), std::string::npos);
}

}  // namespace
}  // namespace easel::formats
