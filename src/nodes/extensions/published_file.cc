#include "nodes/extensions/published_file.h"

#include "base/error.h"

namespace easel::nodes {

std::string published_name(const Call& call, std::string_view kind, const std::string& file,
                           const std::string& published) {
  for (const std::string& name : call.context().folders.list(kind))
    if (name == file || name.ends_with("/" + file)) return name;
  throw Error(Fault::kMissing, "the model file " + file + " is not there")
      .fix("Put it into the folder " + std::string(kind) + " among the models" +
           (published.empty() ? "" : "; it is published in " + published));
}

std::shared_ptr<const formats::ModelFile> open_published(const Call& call, std::string_view kind,
                                                         const std::string& file, const std::string& published) {
  const std::string name = published_name(call, kind, file, published);
  return call.context().files.open(call.context().folders.find(kind, name));
}

}  // namespace easel::nodes
