// Model files that a node chooses by the names under which they were published.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "library/folders.h"
#include "library/model_files.h"
#include "node_api/call.h"

namespace easel::nodes {

// The file of that name in any folder of a kind. Nodes that use it look through that kind (NodeOf::looks_through).
// Throws Error(kMissing) that says where the file belongs and, with `published`, who offers it.
std::string published_name(const Call& call, std::string_view kind, const std::string& file,
                           const std::string& published);
// The same, opened.
std::shared_ptr<const formats::ModelFile> open_published(const Call& call, std::string_view kind,
                                                         const std::string& file, const std::string& published);

}  // namespace easel::nodes
