// Which name has which content: the small half of a store whose contents are blobs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "artifacts/artifact_store.h"
#include "artifacts/blobs.h"

namespace easel::artifacts {

// Thread-safe; every call is atomic, and durable when it returns. Names are as ContentStore writes them: the subfolder
// in one way only, the file without folders.
class NameIndex {
 public:
  virtual ~NameIndex() = default;
  virtual std::optional<Blob> find(const Name& name) const = 0;
  // In place of what had the name.
  virtual void put(const Name& name, const Blob& blob) = 0;
  // Only if nothing has the name. Returns what has it: this blob, or another that was there before.
  virtual Blob put_new(const Name& name, const Blob& blob) = 0;
  // Under STEM_00001_.EXTENSION or the next number behind the highest one that was ever used. Returns the file's name.
  virtual std::string put_numbered(Area area, const std::string& subfolder, const std::string& stem,
                                   const std::string& extension, const Blob& blob) = 0;
  virtual void remove(const Name& name) = 0;
  // Names without a subfolder, newest first.
  virtual std::vector<std::string> list(Area area) const = 0;
  virtual uint64_t bytes_used(Area area) const = 0;
  // Forgets the names of an area that were given more than `seconds` ago.
  virtual void expire(Area area, double seconds) = 0;
  // Those of the contents, given by their SHA-256s, that no name has.
  virtual std::vector<std::string> unused(const std::vector<std::string>& sha256s) const = 0;
};

}  // namespace easel::artifacts
