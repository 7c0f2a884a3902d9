// Artifacts in three folders of this machine: ComfyUI's input, output and temp.
#pragma once

#include "artifacts/artifact_store.h"

namespace easel::artifacts {

struct Directories {
  std::filesystem::path input = "input", output = "output", temp = "temp";
};

class FolderStore final : public ArtifactStore {
 public:
  // The folders need not exist: they are made when something is put into them.
  explicit FolderStore(const Directories& directories);
  // Makes all of them. Throws Error(kBadFile) naming the folder that cannot be used.
  void prepare();

  // Once prepared, resolved, without symbolic links.
  const std::filesystem::path& root(Area area) const { return roots_[static_cast<size_t>(area)]; }

  Name put(const Name& name, std::string_view content, IfTaken if_taken) override;
  Name put_numbered(Area area, const std::string& prefix, const std::string& extension,
                    std::string_view content) override;
  Name put_numbered(Area area, const std::string& prefix, const std::string& extension,
                    const ContentPieces& content) override;
  void check_prefix(Area area, const std::string& prefix) const override;
  // The file itself. Symbolic links are followed as long as they stay in their folder.
  std::filesystem::path get(const Name& name) const override;
  std::optional<std::filesystem::path> find(const Name& name, NameFrom from) const override;
  // Removes a symbolic link, not its target. Throws Error(kBadFile) if the file cannot be removed from the folder.
  void remove(const Name& name) override;
  std::vector<std::string> list(Area area) const override;
  // Counts what can be seen of folders, without following links.
  uint64_t bytes_used(Area area) const override;
  void clear_temp(double seconds) override;

  // Removes what is left in input and output of files that a process did not live to finish (AtomicFile's
  // temporary names). Never fails.
  void remove_leftovers() const;

 private:
  std::filesystem::path make_subfolder(Area area, const std::string& subfolder) const;

  std::filesystem::path roots_[3];
};

}  // namespace easel::artifacts
