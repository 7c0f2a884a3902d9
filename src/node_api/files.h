// Pictures and latents by the names that workflows give them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "artifacts/artifact_store.h"
#include "node_api/call.h"
#include "node_api/context.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A picture as LoadImage names it: in the input area, or "name [output]", "name [temp]", "name [input]".
// Throws Error(kMissing) with the nearest names, Error(kInvalid) for a name that leads outside.
std::filesystem::path find_picture(const artifacts::ArtifactStore& store, const std::string& name);

// The same for a latent that SaveLatent wrote.
std::filesystem::path find_latent(const artifacts::ArtifactStore& store, const std::string& name);

// Fills a save name's variables: %width%, %height%, %year% %month% %day% %hour% %minute% %second%,
// %date:yyyy-MM-dd hhmmss%, and %NODE.INPUT%, NODE being a title or class. In the values, characters that file
// systems do not allow become '_'. Unknown variables are left as they are.
std::string expand_prefix(const std::string& prefix, int64_t width, int64_t height, const Context& context);

// Shows a saved file under a list's name.
void show_saved(Call& call, const std::string& list, const artifacts::Name& saved);

// The run-time choices of the node table: model files, and pictures and latents in the input area.
class FolderChoices final : public workflow::ChoiceProvider {
 public:
  // Both must outlive this object.
  FolderChoices(const library::Folders& folders, const artifacts::ArtifactStore& store)
      : folders_(folders), store_(store) {}
  std::vector<std::string> choices(const std::string& source) const override;
  bool has_own_check(const std::string& source) const override;
  std::optional<Error> check(const std::string& source, const std::string& value) const override;
  bool has_unlisted(const std::string& source, const std::string& value) const override;

 private:
  const library::Folders& folders_;
  const artifacts::ArtifactStore& store_;
};

}  // namespace easel::nodes
