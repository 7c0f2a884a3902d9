// Walking through folders that somebody else has filled: links in circles, folders that may not be read, and files that
// go away meanwhile are ordinary things there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace easel {

// Changes whenever the names in a folder, or the right to read it, may have changed.
struct FolderState {
  uint64_t device = 0, inode = 0;
  int64_t changed = 0;  // status change time in ns
  bool operator==(const FolderState&) const = default;
};

// The current state of a folder; all zeros if there is none.
FolderState folder_state(const std::filesystem::path& folder);

// A folder as it was walked through.
struct WalkedFolder {
  std::filesystem::path path;
  FolderState state;
};

struct WalkLimits {
  int deepest = 32;             // levels below the root
  size_t most_folders = 65536;  // that are read at all
  bool follow_links = true;     // to folders; links to files are always given
};

// Gives `file` every entry below `root` that is no folder, and returns the folders that were read, root first. Each
// folder is read once, however many links lead to it, and under its own name rather than a link's where both lie below
// the root; nearer ones first, in the order of their names. Hidden folders named .git are passed over. What cannot be
// read or has gone meanwhile is passed over; `file` returning false ends the walk.
std::vector<WalkedFolder> walk_files(const std::filesystem::path& root, const WalkLimits& limits,
                                     const std::function<bool(const std::filesystem::directory_entry&)>& file);

}  // namespace easel
