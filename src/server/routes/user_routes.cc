#include <sys/stat.h>

#include <algorithm>

#include "artifacts/names.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/safe_path.h"
#include "base/files/utf8.h"
#include "server/routes/services.h"
#include "server/routes/settings.h"
#include "workflow/json.h"

namespace easel::server {

using workflow::dump_json;
using workflow::Json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSettings = "comfy.settings.json";
constexpr auto kPassOver = fs::directory_options::skip_permission_denied;

// The one user's folder: ComfyUI's layout, user/default.
class UserFolder {
 public:
  explicit UserFolder(const fs::path& user) : root_(user / "default") {
    std::error_code error;
    fs::create_directories(root_, error);
    if (!error) root_ = fs::canonical(root_, error);
    if (error) throw Error(Fault::kBadFile, "cannot use the user folder: " + error.message()).in_file(root_.string());
  }

  // Inside the folder, existing or not. Some clients encode a name twice.
  fs::path path(const std::string& name) const {
    fs::path out = artifacts::safe_join(root_, percent_decode(name).value_or(name));
    if (out == root_ || !lies_inside(out, root_)) throw Error(Fault::kInvalid, "not a usable file name");
    return out;
  }
  // For something to be written: whatever is wrong with the name is the request's fault, and said.
  fs::path writable(const std::string& name) const {
    switch (check_name(percent_decode(name).value_or(name), NameFrom::kClient)) {
      case NameFault::kNone: break;
      case NameFault::kUnusable:
        throw Error(
            Fault::kInvalid,
            "the file name must be UTF-8 of at most 1024 bytes, without control characters, direction marks and "
            "backslashes");
      case NameFault::kLeaves:
        throw Error(Fault::kInvalid, "a file name may not lead out of its folder, as '..' and a leading '/' do");
      case NameFault::kNoFile:
        throw Error(Fault::kInvalid, "no part of a file name may begin with a dot or be longer than 255 bytes");
    }
    return path(name);
  }
  fs::path existing(const std::string& name) const {
    fs::path out = path(name);
    std::error_code error;
    if (!fs::is_regular_file(out, error)) throw Error(Fault::kMissing, "there is no such file");
    return out;
  }
  fs::path folder(const std::string& name) const {
    fs::path out = artifacts::safe_join(root_, name);
    std::error_code error;
    if (!lies_inside(out, root_) || !fs::is_directory(out, error))
      throw Error(Fault::kMissing, "there is no such folder");
    return out;
  }
  const fs::path& root() const { return root_; }
  std::string relative(const fs::path& file) const { return file.lexically_relative(root_).generic_string(); }

 private:
  fs::path root_;
};

Json file_info(const fs::path& file, const std::string& shown) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) throw Error(Fault::kMissing, "there is no such file");
  return {{"path", shown}, {"size", info.st_size}, {"modified", info.st_mtime}, {"created", info.st_ctime}};
}

bool is_true(const Request& request, const char* name) { return request.param(name) == "true"; }

Json stored(const UserFolder& user, const fs::path& file, const Request& request) {
  const std::string shown = user.relative(file);
  return is_true(request, "full_info") ? file_info(file, shown) : Json(shown);
}

Response list(const UserFolder& user, const Request& request) {
  if (request.param("dir").empty()) return Response::error(400, "invalid", "Directory not provided");
  const fs::path folder = user.folder(request.param("dir"));
  const bool recurse = is_true(request, "recurse"), full = is_true(request, "full_info"),
             split = is_true(request, "split");
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, kPassOver, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().front() == '.' || !recurse) it.disable_recursion_pending();
    if (!is_utf8(it->path().native())) continue;
    if (it->path().filename().string().front() != '.' && fs::is_regular_file(it->symlink_status(ignored)))
      names.push_back(it->path().lexically_relative(folder).generic_string());
  }
  std::sort(names.begin(), names.end());
  Json out = Json::array();
  for (const std::string& name : names) {
    if (full) {
      out.push_back(file_info(folder / name, name));
    } else if (split) {
      Json parts = Json::array({name});
      for (const auto& part : fs::path(name)) parts.push_back(part.string());
      out.push_back(parts);
    } else {
      out.push_back(name);
    }
  }
  return Response::json(dump_json(out));
}

Response list_v2(const UserFolder& user, const Request& request) {
  const fs::path folder = user.folder(request.param("path", request.param("dir")));
  Json folders = Json::array(), files = Json::array();
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, kPassOver, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    const auto status = it->symlink_status(ignored);
    if (name.front() == '.' || !is_utf8(name) || fs::is_symlink(status)) {
      it.disable_recursion_pending();
      continue;
    }
    Json entry = {{"name", name}, {"path", user.relative(it->path())}};
    entry["type"] = fs::is_directory(status) ? "directory" : "file";
    if (fs::is_regular_file(status)) entry.update(file_info(it->path(), user.relative(it->path())));
    (fs::is_directory(status) ? folders : files).push_back(entry);
  }
  Json out = Json::array();
  for (Json* list : {&folders, &files}) {
    std::sort(list->begin(), list->end(), [](const Json& a, const Json& b) { return a["path"] < b["path"]; });
    for (Json& entry : *list) out.push_back(std::move(entry));
  }
  return Response::json(dump_json(out));
}

Response get_file(const UserFolder& user, const Request& request) {
  const fs::path file = user.existing(request.captures.at(0));
  Response out;
  out.file = file;
  out.content_type = file.extension() == ".json" ? "application/json" : "application/octet-stream";
  out.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  return out;
}

Response post_file(const UserFolder& user, const Request& request) {
  const fs::path file = user.writable(request.captures.at(0));
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error || fs::is_directory(file, error))
    throw Error(Fault::kInvalid, "the name is that of a folder, or a part of it that of a file");
  AtomicFile out(file);
  out.write(request.body);
  if (request.param("overwrite") != "false") out.commit();
  else if (!out.commit_new()) return Response::error(409, "exists", "there is a file of this name already");
  return Response::json(dump_json(stored(user, file, request)));
}

Response delete_file(const UserFolder& user, const Request& request) {
  fs::remove(user.existing(request.captures.at(0)));
  Response out;
  out.status = 204;
  return out;
}

Response move_file(const UserFolder& user, const Request& request) {
  const fs::path from = user.existing(request.captures.at(0)), to = user.writable(request.captures.at(1));
  std::error_code error;
  if (request.param("overwrite") == "false" && fs::exists(to, error))
    return Response::error(409, "exists", "there is a file of this name already");
  fs::create_directories(to.parent_path(), error);
  if (!error) fs::rename(from, to, error);
  if (error) throw Error(Fault::kInvalid, "cannot move the file there: " + error.message());
  return Response::json(dump_json(stored(user, to, request)));
}

}  // namespace

void add_user_routes(Router& router, Services& s) {
  const auto user = std::make_shared<UserFolder>(s.user);
  const auto settings = std::make_shared<Settings>(user->root() / kSettings);
  const auto add = [&](const char* method, const char* pattern,
                       Response (*handler)(const UserFolder&, const Request&)) {
    router.add(method, pattern, s.pool.handler([user, handler](Request& request) { return handler(*user, request); }));
  };
  router.get("/users", [](const Request&) { return Response::json(R"({"storage":"server","migrated":true})"); });
  add("GET", "/userdata", list);
  add("GET", "/v2/userdata", list_v2);
  add("GET", "/userdata/{file}", get_file);
  add("POST", "/userdata/{file}", post_file);
  add("DELETE", "/userdata/{file}", delete_file);
  add("POST", "/userdata/{file}/move/{to}", move_file);

  router.add("GET", "/settings",
             s.pool.handler([settings](Request&) { return Response::json(dump_json(settings->read())); }));
  router.add("GET", "/settings/{id}", s.pool.handler([settings](Request& request) {
    const Json all = settings->read();
    const std::string& id = request.captures.at(0);
    return Response::json(all.contains(id) ? dump_json(all[id]) : "null");
  }));
  router.add("POST", "/settings", s.pool.handler([settings](Request& request) {
    settings->merge(body_json(request));
    return Response::json("{}");
  }));
  router.add("POST", "/settings/{id}", s.pool.handler([settings](Request& request) {
    settings->merge(Json{{request.captures.at(0), workflow::parse_json(request.body)}});
    return Response::json("{}");
  }));
}

}  // namespace easel::server
