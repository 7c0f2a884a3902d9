#include "server/fleet/contents/bucket.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <thread>

#include "base/cancel.h"
#include "server/log.h"

namespace easel::server {

using artifacts::Blob;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kFirstPause(200), kLongestPause(5000), kSweepsFor(20000);
constexpr uint64_t kLongestAnswer = 4 << 20;  // of the store's own: a thousand names are about 400 KB
constexpr const char* kScheme = "s3://";
constexpr const char* kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool only(std::string_view text, const std::string& characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

// What stands between the next <NAME> and </NAME> from `at` on, which is moved behind it; nothing when there is none.
std::optional<std::string> element(std::string_view xml, const std::string& name, size_t& at) {
  const std::string open = "<" + name + ">", close = "</" + name + ">";
  const size_t begin = xml.find(open, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = xml.find(close, begin);
  if (end == std::string_view::npos) return std::nullopt;
  at = end + close.size();
  return std::string(xml.substr(begin + open.size(), end - begin - open.size()));
}

std::string first_element(std::string_view xml, const std::string& name) {
  size_t at = 0;
  return element(xml, name, at).value_or("");
}

// "2026-01-31T10:20:30.000Z" as seconds since 1970; nothing for anything else.
std::optional<int64_t> seconds_of(const std::string& text) {
  tm time{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (!rest || (*rest != '.' && *rest != 'Z')) return std::nullopt;
  return timegm(&time);
}

std::string for_people(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7E; }, ' ');
  return text.substr(0, 300);
}

bool is_good(const LinkAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

// An answer that another try may better.
bool passes(const LinkAnswer& answer) {
  if (is_good(answer)) return false;
  const std::string code = first_element(answer.body, "Code");
  return answer.status == 429 || answer.status >= 500 || code == "RequestTimeout" || code == "SlowDown" ||
         code == "OperationAborted";
}

void wait(milliseconds time) {
  for (; time > milliseconds(0); time -= kFirstPause) {
    poll_cancelled();
    std::this_thread::sleep_for(std::min(time, kFirstPause));
  }
}

}  // namespace

bool is_bucket(const std::string& place) { return place.starts_with(kScheme); }

BucketOptions bucket_options(const std::string& place, const std::function<const char*(const char*)>& variable) {
  const auto value = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (const char* found = variable(name); found && *found) return std::string(found);
    return std::string();
  };
  BucketOptions out;
  const std::string rest = place.substr(std::min(place.size(), std::string(kScheme).size()));
  out.bucket = rest.substr(0, rest.find('/'));
  if (out.bucket.size() < rest.size()) out.prefix = rest.substr(out.bucket.size() + 1);
  while (out.prefix.ends_with('/')) out.prefix.pop_back();
  // Only what needs no quoting in an address: old and new versions of libcurl sign anything else in different ways.
  const bool usable = is_bucket(place) && out.bucket.size() >= 3 && out.bucket.size() <= 63 &&
                      only(out.bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") && out.prefix.size() <= 200 &&
                      only(out.prefix, std::string(kLetters) + "._-/") && !out.prefix.starts_with('/') &&
                      ("/" + out.prefix + "/").find("/.") == std::string::npos &&
                      out.prefix.find("//") == std::string::npos;
  if (!usable)
    throw Error(Fault::kUsage, "'" + place.substr(0, 200) + "' does not name a bucket")
        .fix("Write it like s3://bucket or s3://bucket/prefix, with letters, digits and . _ - in the prefix");
  out.key = {.id = value({"AWS_ACCESS_KEY_ID"}),
             .secret = value({"AWS_SECRET_ACCESS_KEY"}),
             .region = value({"AWS_REGION", "AWS_DEFAULT_REGION"}),
             .session_token = value({"AWS_SESSION_TOKEN"}),
             .authorities = value({"AWS_CA_BUNDLE"})};
  if (out.key.region.empty()) out.key.region = "us-east-1";
  if (!only(out.key.region, std::string(kLetters) + "-"))
    throw Error(Fault::kUsage, "AWS_REGION is no region").fix("Regions have letters, digits and -, like eu-central-1");
  if (out.key.id.empty() || out.key.secret.empty())
    throw Error(Fault::kUsage, "there is no key for " + place)
        .fix(
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, for example by EnvironmentFile= of "
            "its unit");
  // They become lines of a request.
  for (const std::string* text : {&out.key.id, &out.key.secret, &out.key.session_token})
    if (std::any_of(text->begin(), text->end(), [](unsigned char c) { return c <= ' ' || c > 0x7E; }))
      throw Error(Fault::kUsage, "the key in the environment (AWS_ACCESS_KEY_ID, ...) has blanks or line ends in it");
  out.endpoint = value({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  if (out.endpoint.empty()) out.endpoint = "https://s3." + out.key.region + ".amazonaws.com";
  while (out.endpoint.ends_with('/')) out.endpoint.pop_back();
  if (!is_link_url(out.endpoint))
    throw Error(Fault::kUsage, "AWS_ENDPOINT_URL is not the address of a store")
        .fix("Write it like https://s3.example.org or http://minio:9000");
  return out;
}

BucketBlobs::BucketBlobs(BucketOptions options)
    : options_(std::move(options)), link_(options_.endpoint, options_.key) {}

std::string BucketBlobs::name_of(const std::string& sha256, bool apart) const {
  if (!artifacts::is_sha256(sha256)) throw Error(Fault::kInvalid, "a content is named by 64 hexadecimal digits");
  return (options_.prefix.empty() ? "" : options_.prefix + "/") + (apart ? "apart" : sha256.substr(0, 2)) + "/" +
         sha256;
}

std::string BucketBlobs::target_of(const std::string& name) const { return "/" + options_.bucket + "/" + name; }

Error BucketBlobs::refusal(const LinkAnswer& answer, const std::string& to) const {
  const std::string code = for_people(first_element(answer.body, "Code"));
  const std::string says = for_people(first_element(answer.body, "Message"));
  const std::string store = "the store at " + options_.endpoint, bucket = "the bucket " + options_.bucket;
  if (code == "InvalidAccessKeyId") return Error(Fault::kUsage, store + " does not know the key in AWS_ACCESS_KEY_ID");
  if (code == "SignatureDoesNotMatch")
    return Error(Fault::kUsage,
                 store + " refuses the key in AWS_ACCESS_KEY_ID: AWS_SECRET_ACCESS_KEY is not its secret");
  if (code == "NoSuchBucket")
    return Error(Fault::kMissing, store + " has no bucket " + options_.bucket)
        .fix("Make it, or correct --artifacts s3://BUCKET");
  if (code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect" || code == "TemporaryRedirect")
    return Error(Fault::kUsage, bucket + " is not in the region " + options_.key.region + ": " + says)
        .fix("Set AWS_REGION to its region, and AWS_ENDPOINT_URL if it is not Amazon's");
  if (code == "RequestTimeTooSkewed")
    return Error(Fault::kUsage, store + " refuses what is signed here: the clock of this machine is wrong");
  if (code == "ExpiredToken" || code == "InvalidToken")
    return Error(Fault::kUsage, store + " refuses the key: AWS_SESSION_TOKEN is no longer good");
  if (code == "AccessDenied" || answer.status == 401 || answer.status == 403)
    return Error(Fault::kUsage, "the key in AWS_ACCESS_KEY_ID may not " + to + " " + bucket)
        .fix("Its rights are listed in docs/fleet.md");
  return Error(Fault::kMissing, store + " answers with status " + std::to_string(answer.status) +
                                    (code.empty() ? "" : ", " + code + (says.empty() ? "" : ": " + says)));
}

LinkAnswer BucketBlobs::ask(const Request& request, milliseconds patience) {
  const auto until = steady_clock::now() + patience;
  std::vector<std::string> headers = request.headers;
  headers.push_back("x-amz-content-sha256: " + request.sha256);
  milliseconds pause = kFirstPause;
  for (;;) {
    std::string why;
    try {
      LinkAnswer answer = link_.call(request.method, request.target, request.body,
                                     {.most_bytes = std::max(request.most_bytes, kLongestAnswer)}, headers);
      if (!passes(answer)) return answer;
      why = refusal(answer, "use").message();
    } catch (const Error& e) {
      if (e.fault() != Fault::kMissing) throw;
      why = e.message();
    }
    if (steady_clock::now() + pause > until)
      throw Error(Fault::kMissing, why).fix("Look whether it runs, and whether AWS_ENDPOINT_URL is its address");
    log(Level::kWarning, "the bucket for pictures cannot be used yet", {{"why", why}});
    wait(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

void BucketBlobs::put(const Blob& blob, std::string_view content, milliseconds patience) {
  // Even if it is there: what was written again a moment ago is not swept.
  const LinkAnswer answer = ask({"PUT", target_of(name_of(blob.sha256, false)), content, blob.sha256}, patience);
  if (!is_good(answer)) throw refusal(answer, "write into");
}

std::string BucketBlobs::get(const Blob& blob, milliseconds patience) {
  std::optional<Error> denied;
  // One that is set apart, or put back, while it is looked for is found in one of the three.
  for (const bool apart : {false, true, false}) {
    LinkAnswer answer = ask({.method = "GET",
                             .target = target_of(name_of(blob.sha256, apart)),
                             .sha256 = artifacts::blob_of({}).sha256,
                             .most_bytes = blob.bytes},
                            patience);
    if (answer.status == 200) {
      artifacts::check_blob(blob, answer.body, "the bucket " + options_.bucket);
      return std::move(answer.body);
    }
    const std::string code = first_element(answer.body, "Code");
    if (code == "AccessDenied") {  // Amazon's answer for what is not there, to those that may not list the bucket
      denied = refusal(answer, "read from");
    } else if (answer.status != 404 || code == "NoSuchBucket") {
      throw refusal(answer, "read from");
    }
  }
  if (denied) throw *denied;
  throw Error(Fault::kMissing, "the content " + blob.sha256.substr(0, 12) + " is not in the bucket " + options_.bucket);
}

void BucketBlobs::send(const Blob& blob, std::string_view content) { put(blob, content, options_.patience); }

std::string BucketBlobs::fetch(const Blob& blob) { return get(blob, options_.patience); }

void BucketBlobs::check(bool lists) {
  constexpr std::string_view kContent = "easel";
  const Blob blob = artifacts::blob_of(kContent);
  put(blob, kContent, milliseconds(0));
  get(blob, milliseconds(0));
  if (lists) list({}, milliseconds(0));
}

std::pair<std::vector<BucketBlobs::Listed>, std::string> BucketBlobs::list(const std::string& after,
                                                                           milliseconds patience) {
  const auto quoted = [](const std::string& name) {
    std::string out;
    for (const char c : name) out += c == '/' ? std::string("%2F") : std::string(1, c);
    return out;
  };
  // In the order of their names and quoted, which is how they are signed: Debian 12's libcurl takes them as they are.
  std::string target = "/" + options_.bucket + "?list-type=2&max-keys=1000";
  if (!options_.prefix.empty()) target += "&prefix=" + quoted(options_.prefix) + "%2F";
  if (!after.empty()) target += "&start-after=" + quoted(after);
  const LinkAnswer answer = ask({.method = "GET", .target = target, .sha256 = artifacts::blob_of({}).sha256}, patience);
  if (!is_good(answer)) throw refusal(answer, "list");
  std::pair<std::vector<Listed>, std::string> out;
  std::string last;
  size_t at = 0;
  while (const auto entry = element(answer.body, "Contents", at)) {
    last = first_element(*entry, "Key");
    const std::string sha256 = last.substr(last.rfind('/') + 1);
    const auto changed = seconds_of(first_element(*entry, "LastModified"));
    if (!artifacts::is_sha256(sha256) || !changed) continue;  // somebody else's
    for (const bool apart : {false, true})
      if (last == name_of(sha256, apart)) out.first.push_back({sha256, apart, *changed});
  }
  if (first_element(answer.body, "IsTruncated") == "true" && only(last, std::string(kLetters) + "._-/"))
    out.second = last;
  return out;
}

bool BucketBlobs::copy(const std::string& from, const std::string& to) {
  const LinkAnswer answer = ask({.method = "PUT",
                                 .target = target_of(to),
                                 .sha256 = artifacts::blob_of({}).sha256,
                                 .headers = {"x-amz-copy-source: " + target_of(from)}},
                                milliseconds(0));
  const bool failed = !is_good(answer) || answer.body.find("<Error>") != std::string::npos;  // even behind status 200
  if (failed && first_element(answer.body, "Code") == "NoSuchKey") return false;
  if (failed) throw refusal(answer, "copy in");
  return true;
}

void BucketBlobs::remove(const std::string& name) {
  const LinkAnswer answer =
      ask({.method = "DELETE", .target = target_of(name), .sha256 = artifacts::blob_of({}).sha256}, milliseconds(0));
  if (!is_good(answer) && answer.status != 404) throw refusal(answer, "delete from");
}

void BucketBlobs::sweep_some(const std::vector<Listed>& found, int64_t before,
                             const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) {
  for (const bool apart : {false, true}) {
    std::vector<std::string> old;
    for (const Listed& one : found)
      if (one.apart == apart && one.changed < before) old.push_back(one.sha256);
    if (old.empty()) continue;
    const std::vector<std::string> without_name = unused(old);
    for (const std::string& sha256 : old) {
      const bool goes = std::find(without_name.begin(), without_name.end(), sha256) != without_name.end();
      const std::string here = name_of(sha256, apart), there = name_of(sha256, !apart);
      if (apart != goes && !copy(here, there)) continue;  // set apart, or put back; unless another front end was first
      if (apart || goes) remove(here);
    }
  }
}

void BucketBlobs::sweep(double seconds,
                        const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) {
  const MutexLock lock(sweeping_);
  const auto until = steady_clock::now() + kSweepsFor;
  try {
    do {
      const auto [found, last] = list(swept_to_, milliseconds(0));
      sweep_some(found, std::time(nullptr) - static_cast<int64_t>(seconds), unused);
      swept_to_ = last;
    } while (!swept_to_.empty() && steady_clock::now() < until);
  } catch (const std::exception& e) {
    swept_to_.clear();
    log(Level::kWarning, "the bucket for pictures cannot be swept", {{"why", std::string(e.what())}});
  }
}

}  // namespace easel::server
