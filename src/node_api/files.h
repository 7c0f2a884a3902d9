// Names of pictures in the input, output and temp folders.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "artifacts/numbered.h"
#include "node_api/context.h"
#include "workflow/schema.h"

namespace easel::nodes {

// A picture as LoadImage names it: in the input folder, or "name [output]", "name [temp]", "name [input]".
// Throws Error(kMissing) with the nearest names, Error(kInvalid) for a name that leads outside.
std::filesystem::path find_picture(const Directories& directories, const std::string& name);

// The same for a latent that SaveLatent wrote.
std::filesystem::path find_latent(const Directories& directories, const std::string& name);

// Pictures directly inside the input folder, sorted.
std::vector<std::string> list_pictures(const std::filesystem::path& folder);
std::vector<std::string> list_latents(const std::filesystem::path& folder);

// Fills a save name's variables: %width%, %height%, %year% %month% %day% %hour% %minute% %second%,
// %date:yyyy-MM-dd hhmmss%, and %NODE.INPUT%, NODE being a title or class. Characters that file systems do not
// like in filled-in values become '_'. What is not known is left as it stands.
std::string expand_prefix(const std::string& prefix, int64_t width, int64_t height, const Context& context);

using artifacts::save_numbered;

// The run-time choices of the node table, over model folders and the input folder.
class FolderChoices final : public workflow::ChoiceProvider {
 public:
  // Both must outlive it.
  FolderChoices(const library::Folders& folders, const Directories& directories)
      : folders_(folders), directories_(directories) {}
  std::vector<std::string> choices(const std::string& source) const override;
  bool has_own_check(const std::string& source) const override;
  std::optional<Error> check(const std::string& source, const std::string& value) const override;
  bool has_unlisted(const std::string& source, const std::string& value) const override;

 private:
  const library::Folders& folders_;
  const Directories& directories_;
};

}  // namespace easel::nodes
