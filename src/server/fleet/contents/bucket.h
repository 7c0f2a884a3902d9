// Contents of pictures in a bucket of an S3-compatible store.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "artifacts/blobs.h"
#include "base/error.h"
#include "base/mutex.h"
#include "server/fleet/link.h"

namespace easel::server {

struct BucketOptions {
  std::string endpoint;        // "https://host[:port]"
  std::string bucket, prefix;  // of the contents' names; "a/b", or empty
  S3Key key;
  std::chrono::milliseconds patience = std::chrono::minutes(2);  // for a store that does not answer
};

// Whether the place of contents is a bucket ("s3://...") rather than a folder.
bool is_bucket(const std::string& place);

// "s3://BUCKET[/PREFIX]", and the rest from the variables that other programs for such stores read: AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION ("us-east-1"), AWS_ENDPOINT_URL_S3 or
// AWS_ENDPOINT_URL (Amazon's, of the region), AWS_CA_BUNDLE. `variable` gives their values, or null. Throws
// Error(kUsage) for what is missing or cannot be meant.
BucketOptions bucket_options(const std::string& place, const std::function<const char*(const char*)>& variable);

// A content is PREFIX/ab/abcdef..., by its SHA-256, and the store checks that when it is written. Thread-safe.
class BucketBlobs final : public artifacts::RemoteBlobs {
 public:
  explicit BucketBlobs(BucketOptions options);

  // Writes a few bytes and reads them back, and lists contents if `lists`. Throws what is wrong with the address, the
  // key or its rights: Error(kUsage), or Error(kMissing) when the store does not answer or has no such bucket.
  void check(bool lists);

  void send(const artifacts::Blob& blob, std::string_view content) override;
  std::string fetch(const artifacts::Blob& blob) override;
  // Looks through the bucket, for a limited time: the next call goes on where this one stopped. A content that is to go
  // is moved to PREFIX/apart/abcdef... first, and removed `seconds` later if it still has no name: one that is written
  // and named at the same moment is found there until it is put back.
  void sweep(double seconds, const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) override;

 private:
  struct Request {
    const char* method;
    std::string target;
    std::string_view body = {};
    std::string sha256;  // of the body
    std::vector<std::string> headers = {};
    uint64_t most_bytes = 0;  // of an answer; more where that is little
  };
  // What the store answers once it can: those answers are left out that waiting mends. Throws Error(kMissing) after
  // `patience`.
  LinkAnswer ask(const Request& request, std::chrono::milliseconds patience);
  void put(const artifacts::Blob& blob, std::string_view content, std::chrono::milliseconds patience);
  std::string get(const artifacts::Blob& blob, std::chrono::milliseconds patience);

  // Some contents in the order of their names, and the last name, empty at the end.
  struct Listed {
    std::string sha256;
    bool apart = false;
    int64_t changed = 0;  // seconds since 1970
  };
  std::pair<std::vector<Listed>, std::string> list(const std::string& after, std::chrono::milliseconds patience);
  // False when there is nothing of the first name.
  bool copy(const std::string& from, const std::string& to);
  void remove(const std::string& name);
  void sweep_some(const std::vector<Listed>& found, int64_t before,
                  const std::function<std::vector<std::string>(std::vector<std::string>)>& unused);
  std::string name_of(const std::string& sha256, bool apart) const;
  std::string target_of(const std::string& name) const;
  // What the answer says is wrong, for people. `to`: "write into".
  Error refusal(const LinkAnswer& answer, const std::string& to) const;

  const BucketOptions options_;
  Link link_;
  Mutex sweeping_;
  std::string swept_to_ EASEL_GUARDED_BY(sweeping_);  // the last name that was looked at
};

}  // namespace easel::server
