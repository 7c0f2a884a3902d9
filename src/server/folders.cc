#include "server/folders.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"

namespace easel::server {
namespace fs = std::filesystem;
namespace {

// The length of the UTF-8 character at the start of `s`; 0 when there is none.
size_t utf8_length(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  if (s.empty()) return 0;
  const unsigned c = byte(0);
  const size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
  if (n == 0 || n > s.size()) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if ((c == 0xE0 && byte(1) < 0xA0) || (c == 0xED && byte(1) > 0x9F) || (c == 0xF0 && byte(1) < 0x90) ||
      (c == 0xF4 && byte(1) > 0x8F))
    return 0;
  return n;
}

bool is_plain_text(std::string_view s) {
  while (!s.empty()) {
    const size_t n = utf8_length(s);
    if (n == 0 || static_cast<unsigned char>(s[0]) < 0x20 || s[0] == 0x7F || s[0] == '\\') return false;
    s.remove_prefix(n);
  }
  return true;
}

// Takes a number of at most nine digits off the end of `s`; nothing when there is none.
std::optional<int> take_number(std::string_view& s) {
  const size_t begin = s.find_last_not_of("0123456789") + 1, digits = s.size() - begin;
  if (digits == 0 || digits > 9) return std::nullopt;
  const int value = std::stoi(std::string(s.substr(begin)));
  s.remove_suffix(digits);
  return value;
}

// The process that writes a file under a temporary name of AtomicFile's, ".NAME.PROCESS-COUNT.part".
std::optional<pid_t> writer_of(std::string_view name) {
  constexpr std::string_view kEnd = ".part";
  if (!name.starts_with('.') || !name.ends_with(kEnd)) return std::nullopt;
  name.remove_suffix(kEnd.size());
  if (!take_number(name) || !name.ends_with('-')) return std::nullopt;
  name.remove_suffix(1);
  const auto process = take_number(name);
  if (!process || !name.ends_with('.') || name.size() < 3) return std::nullopt;
  return *process;
}

[[noreturn]] void missing() { throw Error(Fault::kMissing, "there is no such file"); }

}  // namespace

std::optional<Area> area_named(std::string_view name) {
  if (name == "input") return Area::kInput;
  if (name == "output") return Area::kOutput;
  if (name == "temp") return Area::kTemp;
  return std::nullopt;
}

const char* area_name(Area area) { return area == Area::kInput ? "input" : area == Area::kOutput ? "output" : "temp"; }

Annotated split_annotation(const std::string& text) {
  for (const Area area : {Area::kInput, Area::kOutput, Area::kTemp}) {
    const std::string mark = std::string(" [") + area_name(area) + "]";
    if (text.ends_with(mark)) return {text.substr(0, text.size() - mark.size()), area};
  }
  return {text, std::nullopt};
}

std::string sanitised(std::string_view name) {
  if (const size_t slash = name.find_last_of("/\\"); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  while (!name.empty()) {
    const size_t n = utf8_length(name);
    const unsigned char c = static_cast<unsigned char>(name[0]);
    const bool bad =
        n == 0 ||
        (n == 1 && (c < 0x20 || c == 0x7F || std::string_view("<>:\"|?*").find(name[0]) != std::string_view::npos));
    if (bad) out += '_';
    else out += name.substr(0, n);
    name.remove_prefix(std::max<size_t>(n, 1));
  }
  const size_t begin = out.find_first_not_of(". ");
  if (begin == std::string::npos) return {};
  out.erase(0, begin);
  out.erase(out.find_last_not_of(". ") + 1);
  constexpr size_t kLongest = 200;
  if (out.size() > kLongest) {
    size_t dot = out.rfind('.');
    if (dot == std::string::npos || out.size() - dot > 16) dot = out.size();
    const std::string extension = out.substr(dot);
    size_t keep = kLongest - extension.size();
    while (keep > 0 && (static_cast<unsigned char>(out[keep]) & 0xC0) == 0x80) --keep;
    out = out.substr(0, keep) + extension;
  }
  return out;
}

bool is_inside(const fs::path& path, const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  if (error) return false;
  const auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  return in_root == root.end();
}

fs::path safe_join(const fs::path& root, const std::string& relative) {
  if (relative.starts_with('/') || !is_plain_text(relative) || relative.size() > 1024)
    throw Error(Fault::kInvalid, "not a usable file name");
  fs::path out = root;
  size_t begin = 0;
  while (begin <= relative.size()) {
    const size_t end = std::min(relative.find('/', begin), relative.size());
    const std::string part = relative.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") throw Error(Fault::kInvalid, "a file name may not contain '..'");
    if (part.front() == '.' || part.size() > 255) missing();
    out /= part;
  }
  return out;
}

Folders::Folders(const fs::path& input, const fs::path& output, const fs::path& temp) {
  const fs::path* given[] = {&input, &output, &temp};
  for (size_t i = 0; i < 3; ++i) {
    std::error_code error;
    fs::create_directories(*given[i], error);
    if (!error) roots_[i] = fs::canonical(*given[i], error);
    if (error)
      throw Error(Fault::kBadFile,
                  std::string("cannot use the ") + area_name(static_cast<Area>(i)) + " folder: " + error.message())
          .in_file(given[i]->string());
  }
}

fs::path Folders::find(Area area, const std::string& subfolder, const std::string& name) const {
  if (name.empty()) throw Error(Fault::kInvalid, "a file name is needed");
  const fs::path path = safe_join(safe_join(root(area), subfolder), name);
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error || !is_inside(real, root(area)) || !fs::is_regular_file(real, error)) missing();
  return real;
}

fs::path Folders::make_subfolder(Area area, const std::string& subfolder) const {
  const fs::path path = safe_join(root(area), subfolder);
  // What exists of the path must already lie inside before anything is made below it.
  if (!is_inside(path, root(area))) missing();
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !is_inside(path, root(area))) throw Error(Fault::kInvalid, "cannot make the folder: " + error.message());
  return fs::canonical(path);
}

std::vector<std::string> Folders::list(Area area) const {
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator it(root(area), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.front() != '.' && it->is_regular_file(ignored)) found.emplace_back(it->last_write_time(ignored), name);
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  std::vector<std::string> names;
  for (auto& [time, name] : found) names.push_back(std::move(name));
  return names;
}

void Folders::remove_leftovers() const {
  std::vector<fs::path> old;
  for (const Area area : {Area::kInput, Area::kOutput}) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(root(area), error), end; !error && it != end; it.increment(error)) {
      const auto writer = writer_of(it->path().filename().string());
      if (writer && (*writer == getpid() || kill(*writer, 0) != 0)) old.push_back(it->path());
    }
  }
  std::error_code ignored;
  for (const fs::path& path : old) fs::remove(path, ignored);
}

void Folders::clear_temp(double seconds) const {
  const auto limit = fs::file_time_type::clock::now() -
                     std::chrono::duration_cast<fs::file_time_type::duration>(std::chrono::duration<double>(seconds));
  std::error_code error;
  std::vector<fs::path> old;
  for (fs::recursive_directory_iterator it(root(Area::kTemp), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_symlink(ignored) || it->is_regular_file(ignored))
      if (seconds <= 0 || fs::last_write_time(it->path(), ignored) < limit) old.push_back(it->path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

}  // namespace easel::server
