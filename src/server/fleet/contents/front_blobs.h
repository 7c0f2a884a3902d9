// Contents on the front ends of a fleet, for a machine that has none of their folders.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "artifacts/blobs.h"
#include "base/mutex.h"
#include "server/fleet/link.h"

namespace easel::server {

// Thread-safe.
class FrontBlobs final : public artifacts::RemoteBlobs {
 public:
  // `addresses`: of the front ends there are now. Contents go to one that answers, and come from any that has them.
  // `patience`: how long it is tried when none answers.
  FrontBlobs(std::function<std::vector<std::string>()> addresses, std::string token,
             std::chrono::milliseconds patience = std::chrono::minutes(2));

  void send(const artifacts::Blob& blob, std::string_view content) override;
  std::string fetch(const artifacts::Blob& blob) override;
  // The content from one that has it; nothing when none of those that answer does. Tries each once.
  std::optional<std::string> fetch_once(const artifacts::Blob& blob);

 private:
  std::vector<std::shared_ptr<Link>> links();

  const std::function<std::vector<std::string>()> addresses_;
  const std::string token_;
  const std::chrono::milliseconds patience_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Link>> known_ EASEL_GUARDED_BY(mutex_);
  std::string last_ EASEL_GUARDED_BY(mutex_);  // that answered last: asked first
};

// The contents of a front end: those in its own folder, and those that other front ends have, of which it keeps a copy.
class FrontFolder final : public artifacts::BlobStore {
 public:
  // `others` may be null, and must outlive this object.
  FrontFolder(std::filesystem::path folder, FrontBlobs* others) : own_(std::move(folder)), others_(others) {}
  artifacts::Blob put(std::string_view content) override { return own_.put(content); }
  std::filesystem::path get(const artifacts::Blob& blob) override;
  void sweep(double seconds, const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) override {
    own_.sweep(seconds, unused);
  }
  artifacts::FolderBlobs& own() { return own_; }

 private:
  artifacts::FolderBlobs own_;
  FrontBlobs* const others_;
};

}  // namespace easel::server
