// What a machine of a fleet shares with the others: the job store, the table of front ends, the pictures.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "artifacts/artifact_store.h"
#include "artifacts/blobs.h"
#include "server/fleet/contents/bucket.h"
#include "server/fleet/front_table.h"
#include "server/jobs/job_store.h"
#include "server/jobs/open_job_store.h"

namespace easel::server {

struct SiteOptions {
  std::string store;                         // "postgres://..."
  std::string front_name;                    // of the front end that this machine is; empty: it is none
  std::filesystem::path artifacts;           // contents of pictures: a front end's own, or shared; empty: none here
  std::optional<BucketOptions> bucket = {};  // they are there instead
  std::filesystem::path cache;               // copies of contents, where there are none here
  uint64_t cache_limit = 8ull << 30;         // bytes of those
  std::vector<std::string> fronts = {};      // addresses to call; empty: those in the table
  std::string token = {};                    // the fleet's; empty: no machine calls another
  SharedStoreOptions jobs = {};
};

class Site {
 public:
  virtual ~Site() = default;
  virtual JobStore& store() = 0;
  virtual FrontTable& fronts() = 0;
  virtual artifacts::ArtifactStore& artifacts() = 0;
  // The contents that are on this machine; null where there are copies only.
  virtual artifacts::FolderBlobs* own_contents() = 0;
};

// Opens the store. Throws Error(kUsage) for options that make no sense, else as open_job_store() and
// BucketBlobs::check().
std::unique_ptr<Site> open_site(const SiteOptions& options);

}  // namespace easel::server
