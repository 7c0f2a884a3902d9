// The library for HTTP and TLS, opened when a fleet needs it: linked to the program, it and the libraries that it needs
// in turn would make every start slower.
#pragma once

#define CURL_DISABLE_TYPECHECK  // its macros name functions that are not linked
#include <curl/curl.h>

namespace easel::server {

// Its functions, as <curl/curl.h> has them.
struct Libcurl {
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

// Opens the library at the first call; it stays open. Throws Error(kUnsupported) where this machine has none, or one
// without some of these functions. Thread-safe.
const Libcurl& libcurl();

}  // namespace easel::server
