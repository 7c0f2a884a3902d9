// The services that a node may use while it runs.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "node_api/node_events.h"
#include "tensor/dtype.h"

namespace easel::artifacts {
class ArtifactStore;
}
namespace easel::library {
class Folders;
class ModelFiles;
}  // namespace easel::library
namespace easel::memory {
class Residency;
}

namespace easel::nodes {

struct Context {
  const library::Folders& folders;
  memory::Residency& residency;
  library::ModelFiles& files;
  artifacts::ArtifactStore& artifacts;  // where pictures come from and go to
  NodeEvents& events = no_events();
  DType compute = DType::kF32;  // the type in which models multiply
  PreviewMethod preview = PreviewMethod::kLatentToRgb;
  CancelToken cancel = {};
  // Named texts for saved pictures: "prompt" and whatever came with it ("workflow").
  std::vector<std::pair<std::string, std::string>> picture_text = {};
};

}  // namespace easel::nodes
