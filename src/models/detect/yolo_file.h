// An ultralytics file, module by module: its tensors, and what it says of each module beside them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/tensors/model_file.h"
#include "nn/weights.h"

namespace easel::models {

// A module of a network that torch.save wrote whole (formats::TorchContent says how it is read). Copies are cheap.
class YoloModule {
 public:
  YoloModule(nn::Weights weights, std::shared_ptr<const formats::Metadata> about)
      : weights_(std::move(weights)), about_(std::move(about)) {}

  const nn::Weights& weights() const { return weights_; }
  // The name of its class without the package ("C2f"); empty if there is no such module.
  std::string kind() const;
  YoloModule operator[](const std::string& name) const { return {weights_[name], about_}; }
  YoloModule operator[](int64_t index) const { return (*this)[std::to_string(index)]; }
  // How many modules "0", "1", ... it has.
  int64_t count() const;

  // Its attributes. The last of the arguments is what one that is absent means; without it, Error(kBadFile) says that
  // it is missing. One that is no whole number, or no list of them, is an Error(kBadFile) too.
  int64_t integer(const std::string& name, std::optional<int64_t> absent = {}) const;
  std::vector<int64_t> integers(const std::string& name) const;
  double number(const std::string& name) const;
  bool flag(const std::string& name, std::optional<bool> absent = {}) const;
  // As it was written; nothing if there is none.
  std::optional<std::string> text(const std::string& name) const;

  // "the module 'model.0' (Conv) ..."
  [[noreturn]] void refuse(const std::string& what) const;   // Error(kUnsupported)
  [[noreturn]] void damaged(const std::string& what) const;  // Error(kBadFile)

 private:
  std::string named() const;

  nn::Weights weights_;
  std::shared_ptr<const formats::Metadata> about_;
};

// Whether a file holds a network of ultralytics: a whole module whose last part is one of the heads that detect.
bool is_yolo(const formats::ModelFile& file);

}  // namespace easel::models
