// An artifact store of names and contents that are kept apart, so that several machines can share it.
#pragma once

#include "artifacts/artifact_store.h"
#include "artifacts/blobs.h"
#include "artifacts/name_index.h"

namespace easel::artifacts {

// A content is kept before its name is: what can be found is whole.
class ContentStore final : public ArtifactStore {
 public:
  // Both must outlive the store. `keep_blobs`: this process removes contents that no name has, in clear_temp(); one
  // that came within the last hour stays, since its name may still follow.
  ContentStore(NameIndex& names, BlobStore& blobs, bool keep_blobs)
      : names_(names), blobs_(blobs), keeps_(keep_blobs) {}

  Name put(const Name& name, std::string_view content, IfTaken if_taken) override;
  Name put_numbered(Area area, const std::string& prefix, const std::string& extension,
                    std::string_view content) override;
  // A file named by its content.
  std::filesystem::path get(const Name& name) const override;
  std::optional<std::filesystem::path> find(const Name& name, NameFrom from) const override;
  void remove(const Name& name) override;
  std::vector<std::string> list(Area area) const override { return names_.list(area); }
  uint64_t bytes_used(Area area) const override { return names_.bytes_used(area); }
  void clear_temp(double seconds) override;

 private:
  NameIndex& names_;
  BlobStore& blobs_;
  const bool keeps_;
};

}  // namespace easel::artifacts
