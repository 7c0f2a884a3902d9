#include "server/fleet/site.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "artifacts/blob_cache.h"
#include "artifacts/content_store.h"
#include "base/error.h"
#include "server/fleet/contents/front_blobs.h"
#include "server/fleet/postgres/fleet_tables.h"
#include "server/jobs/open_job_store.h"

namespace easel::server {
namespace {

// A front end has a few threads that answer requests: none may wait for as long as a job can.
constexpr std::chrono::milliseconds kFrontPatience(5000);

class PostgresSite final : public Site {
 public:
  explicit PostgresSite(const SiteOptions& options)
      : options_(options),
        store_(open_job_store(options.store, options.jobs)),
        tables_(open_fleet_tables(options.store)) {
    const bool sweeps = !options.front_name.empty();
    if (!options.token.empty() || !options.fronts.empty())
      others_ = std::make_unique<FrontBlobs>([this] { return addresses(); }, options.token);
    if (options.bucket) {
      BucketOptions bucket = *options.bucket;
      if (sweeps) bucket.patience = std::min(bucket.patience, kFrontPatience);
      bucket_ = std::make_unique<BucketBlobs>(std::move(bucket));
      bucket_->check(sweeps);
      contents_ = copies_of(*bucket_);
    } else if (!options.artifacts.empty()) {
      // Who has a folder that others share finds everything there; a front end asks the others for the rest.
      auto folder = std::make_unique<FrontFolder>(options.artifacts, others_.get());
      own_ = &folder->own();
      contents_ = std::move(folder);
    } else {
      contents_ = copies_of(*others_);
    }
    artifacts_ = std::make_unique<artifacts::ContentStore>(*tables_.names, *contents_, sweeps);
  }

  JobStore& store() override { return *store_; }
  FrontTable& fronts() override { return *tables_.fronts; }
  artifacts::ArtifactStore& artifacts() override { return *artifacts_; }
  artifacts::FolderBlobs* own_contents() override { return own_; }

 private:
  std::unique_ptr<artifacts::BlobStore> copies_of(artifacts::RemoteBlobs& remote) const {
    return std::make_unique<artifacts::CachedBlobs>(options_.cache / "contents", options_.cache_limit, remote);
  }
  std::vector<std::string> addresses() const {
    if (!options_.fronts.empty()) return options_.fronts;
    std::vector<std::string> out;
    for (const FrontEnd& front : tables_.fronts->all())
      if (front.name != options_.front_name) out.push_back(front.url);
    return out;
  }

  const SiteOptions options_;
  const std::unique_ptr<JobStore> store_;
  const FleetTables tables_;
  std::unique_ptr<FrontBlobs> others_;
  std::unique_ptr<BucketBlobs> bucket_;
  std::unique_ptr<artifacts::BlobStore> contents_;
  artifacts::FolderBlobs* own_ = nullptr;
  std::unique_ptr<artifacts::ContentStore> artifacts_;
};

}  // namespace

std::unique_ptr<Site> open_site(const SiteOptions& options) {
  if (!is_shared_store(options.store))
    throw Error(Fault::kUsage, "a fleet's store is a database, not '" + without_password(options.store) + "'")
        .fix("Write --store postgres://user@host/database");
  if (options.artifacts.empty() && !options.bucket && options.token.empty())
    throw Error(Fault::kUsage, "this runner has no way to pictures")
        .fix(
            "Add --fleet-token-file FILE to fetch them from front ends, or --artifacts DIR, a folder that it shares, "
            "or s3://BUCKET");
  return std::make_unique<PostgresSite>(options);
}

}  // namespace easel::server
