#include "library/built_in.h"

#include <cstdlib>

namespace easel::library {

namespace fs = std::filesystem;

fs::path built_in_models() {
  std::error_code failed;
  fs::path folder;
  if (const char* named = std::getenv("EASEL_BUILT_IN_MODELS")) {
    folder = named;
  } else {
    // A build tree has a link there (CMakeLists.txt), so that both kinds of tree can be moved.
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    if (!failed) folder = program.parent_path().parent_path() / "share" / "easel" / "models";
  }
  if (folder.empty() || !fs::is_directory(folder, failed)) return {};
  folder = fs::canonical(folder, failed);
  return failed ? fs::path{} : folder;
}

}  // namespace easel::library
