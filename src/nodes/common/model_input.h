// Model files that nodes name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "library/folders.h"
#include "library/model_files.h"
#include "node_api/call.h"

namespace easel::nodes {

// The file `name` among those of a kind ("checkpoints"), opened. Throws what finding and opening it throw.
inline std::shared_ptr<const formats::ModelFile> open_model(Call& call, std::string_view kind,
                                                            const std::string& name) {
  return call.context().files.open(call.context().folders.find(kind, name));
}

}  // namespace easel::nodes
