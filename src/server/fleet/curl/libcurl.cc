#include "server/fleet/curl/libcurl.h"

#include <dlfcn.h>

#include <string>

#include "base/error.h"

namespace easel::server {
namespace {

Error lacking(const std::string& why) {
  return Error(Fault::kUnsupported, "machines of a fleet talk to each other by libcurl, which is not here: " + why)
      .fix("Install libcurl4, or libcurl4t64 on newer systems");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) throw lacking(std::string("it has no ") + name);
}

Libcurl opened() {
  void* library = nullptr;
  std::string why;
  for (const char* soname : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
    library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (library) break;
    if (const char* error = dlerror(); error && why.empty()) why = error;
  }
  if (!library) throw lacking(why);
  decltype(&::curl_global_init) global_init = nullptr;
  find(library, "curl_global_init", global_init);
  Libcurl out;
  find(library, "curl_easy_init", out.easy_init);
  find(library, "curl_easy_cleanup", out.easy_cleanup);
  find(library, "curl_easy_reset", out.easy_reset);
  find(library, "curl_easy_setopt", out.easy_setopt);
  find(library, "curl_easy_perform", out.easy_perform);
  find(library, "curl_easy_getinfo", out.easy_getinfo);
  find(library, "curl_easy_strerror", out.easy_strerror);
  find(library, "curl_slist_append", out.slist_append);
  find(library, "curl_slist_free_all", out.slist_free_all);
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw lacking("it cannot be started");
  return out;
}

}  // namespace

const Libcurl& libcurl() {
  static const Libcurl library = opened();
  return library;
}

}  // namespace easel::server
