// Directories of zip archives.
#include "formats/tensors/zip.h"

#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  for (const formats::ZipEntry& entry : formats::read_zip_directory(bytes)) {
    if (entry.data.empty()) continue;
    require(entry.stored && entry.data.data() >= bytes.data() &&
            entry.data.data() + entry.data.size() <= bytes.data() + bytes.size());
  }
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
