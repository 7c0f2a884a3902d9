#include "base/files/walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

namespace easel {
namespace {

namespace fs = std::filesystem;

struct Waiting {
  fs::path path;
  int depth = 0;
};

class Walk {
 public:
  Walk(const WalkLimits& limits, const std::function<bool(const fs::directory_entry&)>& file)
      : limits_(limits), file_(file) {}

  std::vector<WalkedFolder> run(const fs::path& root) {
    folders_.push_back({root});
    // A folder that a link leads to waits until all that can be reached without that link have been read.
    while (!ended_ && (!folders_.empty() || !linked_.empty())) {
      std::deque<Waiting>& from = folders_.empty() ? linked_ : folders_;
      const Waiting next = std::move(from.front());
      from.pop_front();
      read(next);
    }
    return std::move(out_);
  }

 private:
  void read(const Waiting& folder) {
    const FolderState state = folder_state(folder.path);
    if (state.inode == 0 || out_.size() >= limits_.most_folders) return;
    if (!seen_.emplace(state.device, state.inode).second) return;
    out_.push_back({folder.path, state});
    std::vector<fs::path> below, links;
    std::error_code failed;
    for (fs::directory_iterator it(folder.path, fs::directory_options::skip_permission_denied, failed), end;
         !failed && it != end; it.increment(failed)) {
      std::error_code unknown;
      const bool is_link = it->is_symlink(unknown);
      if (it->is_directory(unknown)) (is_link ? links : below).push_back(it->path());
      else if (!file_(*it)) ended_ = true;
      if (ended_) return;
    }
    if (folder.depth >= limits_.deepest) return;
    add(std::move(below), folder.depth + 1, folders_);
    if (limits_.follow_links) add(std::move(links), folder.depth + 1, linked_);
  }

  static void add(std::vector<fs::path> paths, int depth, std::deque<Waiting>& to) {
    std::sort(paths.begin(), paths.end());
    for (fs::path& path : paths)
      if (path.filename() != ".git") to.push_back({std::move(path), depth});
  }

  const WalkLimits& limits_;
  const std::function<bool(const fs::directory_entry&)>& file_;
  std::deque<Waiting> folders_, linked_;
  std::set<std::pair<uint64_t, uint64_t>> seen_;  // by device and inode
  std::vector<WalkedFolder> out_;
  bool ended_ = false;
};

}  // namespace

FolderState folder_state(const fs::path& folder) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return {};
  return {info.st_dev, info.st_ino, int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec};
}

std::vector<WalkedFolder> walk_files(const fs::path& root, const WalkLimits& limits,
                                     const std::function<bool(const fs::directory_entry&)>& file) {
  return Walk(limits, file).run(root);
}

}  // namespace easel
