// Model files that nodes name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "library/folders.h"
#include "library/model_files.h"
#include "node_api/call.h"

namespace easel::nodes {

// Opens the model file `name` of a kind ("checkpoints"). Throws Error(kMissing) if there is none, and what
// library::ModelFiles::open() throws.
inline std::shared_ptr<const formats::ModelFile> open_model(Call& call, std::string_view kind,
                                                            const std::string& name) {
  return call.context().files.open(call.context().folders.find(kind, name));
}

}  // namespace easel::nodes
