#include "server/fleet/link.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/mutex.h"
#include "server/fleet/curl/libcurl.h"

namespace easel::server {
namespace {

// A call that moves slower than this for so long is given up.
constexpr long kSlowestBytes = 100, kSlowestSeconds = 10;

struct Body {
  std::string_view all, rest;
};

size_t give(char* to, size_t size, size_t count, void* from) {
  auto& body = *static_cast<Body*>(from);
  const size_t n = std::min(size * count, body.rest.size());
  std::memcpy(to, body.rest.data(), n);
  body.rest.remove_prefix(n);
  return n;
}

// Begins again, where a connection that was kept turns out to be closed.
int go_back(void* from, curl_off_t to, int origin) {
  auto& body = *static_cast<Body*>(from);
  if (origin != SEEK_SET || to < 0 || static_cast<size_t>(to) > body.all.size()) return CURL_SEEKFUNC_FAIL;
  body.rest = body.all.substr(static_cast<size_t>(to));
  return CURL_SEEKFUNC_OK;
}

struct Received {
  std::string text;
  uint64_t most = 0;
};

size_t take(char* from, size_t size, size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  if (received.text.size() + size * count > received.most) return 0;  // ends the call
  received.text.append(from, size * count);
  return size * count;
}

// Called about once a second, and whenever something moves.
int cancelled(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  try {
    poll_cancelled();
    return 0;
  } catch (const Error&) {
    return 1;
  }
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  if (libcurl().easy_setopt(handle, option, value) != CURLE_OK)
    throw Error(Fault::kInternal, "libcurl lacks what is needed of it").fix("Debian's libcurl4 has it");
}

}  // namespace

bool is_link_url(const std::string& url) {
  const size_t begin = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  const std::string rest = begin > 0 ? url.substr(begin) : "";
  return !rest.empty() && rest.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789-._:[]") == std::string::npos;
}

void check_link_url(const std::string& url) {
  if (!is_link_url(url))
    throw Error(Fault::kUsage, "'" + url.substr(0, 200) + "' is not a front end's address")
        .fix("Write it like http://front1:8188");
}

struct Link::Handles {
  Mutex mutex;
  std::vector<CURL*> idle EASEL_GUARDED_BY(mutex);
};

Link::Link(std::string url, std::string token)
    : url_(std::move(url)), token_(std::move(token)), handles_(std::make_unique<Handles>()) {
  check_link_url(url_);
  libcurl();
}

Link::Link(std::string url, S3Key key)
    : url_(std::move(url)), key_(std::move(key)), handles_(std::make_unique<Handles>()) {
  check_link_url(url_);
  libcurl();
}

Link::~Link() {
  const MutexLock lock(handles_->mutex);
  for (CURL* handle : handles_->idle) libcurl().easy_cleanup(handle);
}

LinkAnswer Link::call(const char* method, const std::string& target, std::string_view body, const LinkLimits& limits,
                      const std::vector<std::string>& headers) {
  CURL* handle = nullptr;
  {
    const MutexLock lock(handles_->mutex);
    if (!handles_->idle.empty()) {
      handle = handles_->idle.back();
      handles_->idle.pop_back();
    }
  }
  if (!handle) handle = libcurl().easy_init();
  if (!handle) throw Error(Fault::kMemory, "no memory for a connection");
  struct Return {
    Handles& handles;
    CURL* handle;
    curl_slist* headers = nullptr;
    ~Return() {
      libcurl().slist_free_all(headers);
      libcurl().easy_reset(handle);  // connections stay
      const MutexLock lock(handles.mutex);
      handles.idle.push_back(handle);
    }
  } back{*handles_, handle};

  Body sent{body, body};
  Received received{{}, limits.most_bytes};
  const std::string whole = url_ + target;
  set(handle, CURLOPT_URL, whole.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!key_) set(handle, CURLOPT_PROXY, "");  // the fleet's token is for front ends only
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.whole.count()));
  set(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowestBytes);
  set(handle, CURLOPT_LOW_SPEED_TIME, kSlowestSeconds);
  set(handle, CURLOPT_WRITEFUNCTION, &take);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&received));
  set(handle, CURLOPT_NOPROGRESS, 0L);
  set(handle, CURLOPT_XFERINFOFUNCTION, &cancelled);
  const std::string_view name = method;
  if (name != "GET") set(handle, CURLOPT_CUSTOMREQUEST, method);
  if (name == "PUT" || name == "POST") {
    set(handle, CURLOPT_UPLOAD, 1L);
    set(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(handle, CURLOPT_READFUNCTION, &give);
    set(handle, CURLOPT_READDATA, static_cast<void*>(&sent));
    set(handle, CURLOPT_SEEKFUNCTION, &go_back);
    set(handle, CURLOPT_SEEKDATA, static_cast<void*>(&sent));
    back.headers = libcurl().slist_append(back.headers, "Content-Type: application/octet-stream");
    back.headers = libcurl().slist_append(back.headers, "Expect:");  // no round trip before the body
  }
  if (!token_.empty()) back.headers = libcurl().slist_append(back.headers, ("Authorization: Bearer " + token_).c_str());
  for (const std::string& header : headers) back.headers = libcurl().slist_append(back.headers, header.c_str());
  std::string scheme;
  if (key_) {
    scheme = "aws:amz:" + key_->region + ":s3";
    set(handle, CURLOPT_AWS_SIGV4, scheme.c_str());
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // what is signed has its Host header
    set(handle, CURLOPT_USERNAME, key_->id.c_str());
    set(handle, CURLOPT_PASSWORD, key_->secret.c_str());
    if (!key_->session_token.empty())
      back.headers = libcurl().slist_append(back.headers, ("x-amz-security-token: " + key_->session_token).c_str());
    if (!key_->authorities.empty()) set(handle, CURLOPT_CAINFO, key_->authorities.c_str());
  }
  set(handle, CURLOPT_HTTPHEADER, back.headers);

  const CURLcode done = libcurl().easy_perform(handle);
  if (done == CURLE_ABORTED_BY_CALLBACK) poll_cancelled();
  if (done != CURLE_OK)
    throw Error(Fault::kMissing, std::string("cannot talk to the ") + (key_ ? "store" : "front end") + " at " + url_ +
                                     ": " + libcurl().easy_strerror(done));
  long status = 0;
  libcurl().easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return {static_cast<int>(status), std::move(received.text)};
}

}  // namespace easel::server
