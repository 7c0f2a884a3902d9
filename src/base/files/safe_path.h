// Names of files that come from outside, kept inside the folder they are for.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

namespace easel {

// Who gave a name. What a user of this machine writes in a workflow may begin with a dot or hold a backslash; what
// comes over the network may not, nor a control character or a mark that turns the direction of writing.
enum class NameFrom { kUser, kClient };

enum class NameFault {
  kNone,
  kUnusable,  // empty, too long, not UTF-8, with a NUL; of a client: with a backslash, a control character or a
              // direction mark
  kLeaves,    // absolute, with a drive letter, or with a part ".."
  kNoFile,    // a part longer than any file's name; of a client: one that begins with a dot, so that such files stay
              // unknown
};

// What is wrong with a name, possibly with folders in it ("sub/a.png"), as the name of something below a folder.
NameFault check_name(std::string_view name, NameFrom from);

// folder / name, "." and doubled slashes taken out; nothing when something is wrong with the name. Links are not looked
// at.
std::optional<std::filesystem::path> join_inside(const std::filesystem::path& folder, std::string_view name,
                                                 NameFrom from);

// The same with links resolved, whether or not there is a file; nothing when one of them leads outside.
std::optional<std::filesystem::path> resolve_inside(const std::filesystem::path& folder, std::string_view name,
                                                    NameFrom from = NameFrom::kUser);

// Whether `path` lies in `folder` (or is it) when both are resolved.
bool lies_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace easel
