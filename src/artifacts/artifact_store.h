// Where pictures and other files of jobs are kept: what workflows load, what they save, what they show for a while.
// Only this interface is asked for them, so that they may lie elsewhere than in folders of this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifacts/names.h"
#include "base/files/safe_path.h"

namespace easel::artifacts {

// An artifact by the three parts that ComfyUI's answers name it with.
struct Name {
  Area area = Area::kInput;
  std::string subfolder;  // "a/b", or empty
  std::string file;       // "x.png"; may have folders before it as well
  bool operator==(const Name&) const = default;
};

// What becomes of new content when its name is in use for other content.
enum class IfTaken {
  kReplace,
  kAnotherName,  // "x (1).png"
};

// Gives content piece by piece, in order, to what it is called with. It may be called again, and gives the same then.
using ContentPieces = std::function<void(const std::function<void(std::string_view piece)>& take)>;

// Thread-safe. Names come from outside: every method throws Error(kInvalid) for one that is absolute, not UTF-8, or has
// a ".." in it, and Error(kMissing) for one that is hidden or that leads out of its area. What is written is whole or
// absent, and durable when the call returns; kMemory when there is no room for it.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // Keeps content under a name; the same content under the same name is kept once. Returns the name it has, with a
  // subfolder that is written in one way only.
  virtual Name put(const Name& name, std::string_view content, IfTaken if_taken) = 0;

  // Keeps content as PREFIX_00001_.EXTENSION, or under the next number behind the highest one in use; two that ask at
  // one time get two numbers. `prefix` may have folders in it; artifacts/numbered.h says which
  // are refused. Returns the name.
  virtual Name put_numbered(Area area, const std::string& prefix, const std::string& extension,
                            std::string_view content) = 0;

  // The same for content that need not fit into memory, where the store is made of folders; elsewhere it has to.
  virtual Name put_numbered(Area area, const std::string& prefix, const std::string& extension,
                            const ContentPieces& content);

  // Throws what put_numbered() would for such a prefix, as far as that can be known before; writes nothing.
  virtual void check_prefix(Area area, const std::string& prefix) const;

  // A file of this machine that holds the artifact and stays until the caller is done with its request: the artifact
  // itself, or a copy of it. Throws Error(kMissing) when there is none of that name.
  virtual std::filesystem::path get(const Name& name) const = 0;

  // The same for a name in a workflow, by the rules for whoever wrote it (base/files/safe_path.h): returns nothing if
  // there is no such artifact, and throws Error(kInvalid) if the name leads out of its area.
  virtual std::optional<std::filesystem::path> find(const Name& name, NameFrom from) const = 0;

  // Removes an artifact for good. No effect when there is none of that name.
  virtual void remove(const Name& name) = 0;

  // Names of the artifacts that have no subfolder, newest first.
  virtual std::vector<std::string> list(Area area) const = 0;

  // The size of all artifacts in an area, in bytes.
  virtual uint64_t bytes_used(Area area) const = 0;

  // Removes from the temp area what is older than `seconds`. Never fails.
  virtual void clear_temp(double seconds) = 0;
};

}  // namespace easel::artifacts
