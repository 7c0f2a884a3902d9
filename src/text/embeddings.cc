#include "text/embeddings.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "base/cancel.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "base/files/walk.h"
#include "base/nearest.h"
#include "formats/tensors/model_file.h"
#include "tensor/mapped_file.h"

namespace easel::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFolders = 4096;
constexpr int kDeepestFolder = 8;

// "0.name", "1.name": what is left of a list of dictionaries.
bool is_list_item(std::string_view name) {
  const size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

// [C] or [n, C] as f32 [n, C], in memory of its own.
Tensor as_rows(const StoredTensor& t) {
  const Tensor packed = clone(t.decoded());
  require_unchanged(t.storage());
  return packed.rank() == 1 ? packed.view({1, packed.dim(0)}) : packed.view({-1, packed.dim(-1)});
}

Tensor stack_rows(const std::vector<Tensor>& parts) {
  int64_t rows = 0;
  for (const Tensor& part : parts) rows += part.dim(0);
  Tensor out(Shape{rows, parts.front().dim(1)});
  float* to = out.f32();
  for (const Tensor& part : parts) to = std::copy_n(part.f32(), part.numel(), to);
  return out;
}

bool usable(const StoredTensor& t) { return t.rank() >= 1 && t.numel() > 0 && t.is_float(); }

// Concatenates the rows of all tensors that `wanted` accepts, except those whose width differs from the first.
template <class Wanted>
Tensor gather_rows(const StoredTensors& tensors, const Wanted& wanted) {
  std::vector<Tensor> parts;
  for (const auto& [name, tensor] : tensors)
    if (usable(tensor) && wanted(std::string_view(name), tensor) &&
        (parts.empty() || parts.front().dim(1) == tensor.dim(-1)))
      parts.push_back(as_rows(tensor));
  return parts.empty() ? Tensor() : stack_rows(parts);
}

Tensor choose(const formats::ModelFile& file, const TokenizerStyle& style) {
  const StoredTensors& tensors = *file.tensors;
  if (tensors.empty()) return {};
  const bool listed = file.container != formats::Container::kSafetensors && file.wrapper.empty() &&
                      std::all_of(tensors.begin(), tensors.end(), [](const auto& t) { return is_list_item(t.first); });
  if (listed)
    return gather_rows(tensors, [&](std::string_view, const StoredTensor& t) {
      return style.embedding_width == 0 || t.dim(-1) == style.embedding_width;
    });
  if (file.wrapper != "string_to_param") {
    if (const StoredTensor* keyed = tensors.find(style.embedding_key); keyed && usable(*keyed)) return as_rows(*keyed);
    for (const std::string& ending : {std::string(".string_to_param.*"), "." + style.embedding_key}) {
      Tensor bundled = gather_rows(tensors, [&](std::string_view name, const StoredTensor&) {
        return name.starts_with("bundle_emb.") && name.ends_with(ending);
      });
      if (bundled.defined()) return bundled;
    }
  }
  const StoredTensor& first = tensors.begin()->second;
  return usable(first) ? as_rows(first) : Tensor();
}

using SeenFolders = std::set<std::pair<uint64_t, uint64_t>>;  // device and inode

// Each folder once, however many links lead to it.
void add_folders(const fs::path& folder, int depth, std::vector<fs::path>& out, SeenFolders& seen) {
  std::error_code failed;
  const FolderState state = folder_state(folder);
  if (out.size() >= kMostFolders || state == FolderState{} || !seen.emplace(state.device, state.inode).second) return;
  out.push_back(folder);
  if (depth == kDeepestFolder) return;
  std::vector<fs::path> below;
  for (fs::directory_iterator it(folder, fs::directory_options::skip_permission_denied, failed), end;
       !failed && it != end; it.increment(failed)) {
    std::error_code gone;
    if (it->is_directory(gone)) below.push_back(it->path());
  }
  std::sort(below.begin(), below.end());
  for (const fs::path& path : below) add_folders(path, depth + 1, out, seen);
}

bool is_file(const fs::path& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed);
}

}  // namespace

Tensor read_embedding(const fs::path& path, const TokenizerStyle& style) {
  const formats::ModelFile file = formats::open_model_file(path);
  Tensor vectors = choose(file, style);
  if (!vectors.defined())
    throw Error(Fault::kBadFile, "holds no textual-inversion vectors")
        .in_file(path.string())
        .fix("Check that it is an embedding and not another kind of model");
  return vectors;
}

EmbeddingFolders::EmbeddingFolders(const std::vector<fs::path>& roots) {
  SeenFolders seen;
  for (const fs::path& root : roots) add_folders(root, 0, folders_, seen);
}

fs::path EmbeddingFolders::locate(std::string_view name) const {
  if (name.size() > kLongestEmbedding) return {};
  // A name may go out of a subfolder and back, as long as it stays inside.
  const std::string inside = fs::path(name).lexically_normal().string();
  for (const fs::path& folder : folders_)
    for (const char* ending : {"", ".safetensors", ".pt", ".bin"})
      if (const auto path = join_inside(folder, inside + ending, NameFrom::kUser); path && is_file(*path)) return *path;
  return {};
}

bool may_name_embeddings(std::string_view text) { return text.find(kEmbeddingMark) != std::string_view::npos; }

std::vector<fs::path> EmbeddingFolders::named_in(std::string_view text) const {
  std::vector<fs::path> out;
  std::set<std::string, std::less<>> known;
  size_t marks = 0;
  for (size_t at = 0; (at = text.find(kEmbeddingMark, at)) != std::string_view::npos && marks++ < kMostEmbeddings;) {
    poll_cancelled();
    at += kEmbeddingMark.size();
    at = std::min(text.find_first_not_of(' ', at), text.size());
    // What is escaped takes twice the place.
    const std::string_view near = text.substr(at, 2 * kLongestEmbedding);
    const std::string_view word = near.substr(0, near.find_first_of(" \n\t"));
    const std::string_view name = word.substr(0, word.find_first_of(",()[]:"));
    // The whole word may be a name too, with parentheses that were escaped, or with commas around.
    std::string whole;
    for (const char c : word)
      if (c != '\\') whole += c;
    const size_t first = whole.find_first_not_of(','), last = whole.find_last_not_of(',');
    const std::string bare = first == std::string::npos ? std::string() : whole.substr(first, last - first + 1);
    for (const std::string_view candidate : {name, std::string_view(whole), std::string_view(bare)}) {
      if (!known.emplace(candidate).second) continue;
      const fs::path path = locate(candidate);
      if (!path.empty() && std::find(out.begin(), out.end(), path) == out.end()) out.push_back(path);
    }
  }
  return out;
}

std::string EmbeddingFolders::near(std::string_view name) const {
  const auto plain = [](std::string_view text) {
    std::string out = lower_ascii(text);
    std::replace(out.begin(), out.end(), '\\', '/');
    const size_t end = out.find_last_not_of(".,;:!?)");
    return out.substr(0, end == std::string::npos ? 0 : end + 1);
  };
  if (name.size() > kLongestEmbedding) return {};
  const std::string wanted = plain(name);
  std::vector<std::string> names;
  std::string same;
  for (const fs::path& folder : folders_) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const std::string ending = entry.path().extension().string();
      if (ending != ".safetensors" && ending != ".pt" && ending != ".bin") continue;
      names.push_back(entry.path().stem().string());
      const std::string file = plain(names.back());
      if (same.empty() && (wanted == file || wanted.ends_with("/" + file))) same = names.back();
    }
  }
  return same.empty() ? did_you_mean(name, names) : "did you mean '" + same + "'?";
}

Tensor EmbeddingFolders::find(std::string_view name, const TokenizerStyle& style) const {
  const fs::path path = locate(name);
  return path.empty() ? Tensor() : read_embedding(path, style);
}

}  // namespace easel::text
