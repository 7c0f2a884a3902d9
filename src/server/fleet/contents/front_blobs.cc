#include "server/fleet/contents/front_blobs.h"

#include <thread>

#include "base/cancel.h"
#include "base/error.h"
#include "server/log.h"

namespace easel::server {

using artifacts::Blob;

namespace {

constexpr auto kPause = std::chrono::milliseconds(200);

std::string target(const Blob& blob) { return "/fleet/blobs/" + blob.sha256; }

}  // namespace

FrontBlobs::FrontBlobs(std::function<std::vector<std::string>()> addresses, std::string token,
                       std::chrono::milliseconds patience)
    : addresses_(std::move(addresses)), token_(std::move(token)), patience_(patience) {}

std::vector<std::shared_ptr<Link>> FrontBlobs::links() {
  const std::vector<std::string> addresses = addresses_();
  std::vector<std::shared_ptr<Link>> out;
  const MutexLock lock(mutex_);
  for (const std::string& address : addresses) {
    std::shared_ptr<Link>& link = known_[address];
    try {
      if (!link) link = std::make_shared<Link>(address, token_);
    } catch (const Error& e) {
      if (e.fault() != Fault::kUsage) throw;
      known_.erase(address);  // nothing that can be called
      continue;
    }
    out.insert(address == last_ ? out.begin() : out.end(), link);
  }
  return out;
}

void FrontBlobs::send(const Blob& blob, std::string_view content) {
  const auto until = std::chrono::steady_clock::now() + patience_;
  std::string why = "there are none";
  do {
    for (const auto& link : links()) {
      try {
        const LinkAnswer answer = link->call("PUT", target(blob), content, {});
        if (answer.status == 200 || answer.status == 201) {
          const MutexLock lock(mutex_);
          last_ = link->url();
          return;
        }
        why = link->url() + " answers with status " + std::to_string(answer.status);
        if (answer.status == 401 || answer.status == 413) break;  // nothing that waiting mends
      } catch (const Error& e) {
        if (e.fault() == Fault::kCancelled) throw;
        why = e.message();
      }
    }
    log(Level::kWarning, "a picture cannot be handed to a front end yet", {{"why", why}});
    poll_cancelled();
    std::this_thread::sleep_for(kPause);
  } while (std::chrono::steady_clock::now() < until);
  throw Error(Fault::kMissing, "no front end takes the picture: " + why)
      .fix("Look whether front ends run, and whether they have the same fleet token");
}

std::optional<std::string> FrontBlobs::fetch_once(const Blob& blob) {
  bool all_answered = true;
  std::string why;
  for (const auto& link : links()) {
    try {
      LinkAnswer answer = link->call("GET", target(blob), {}, {.most_bytes = blob.bytes});
      if (answer.status == 200) {
        artifacts::check_blob(blob, answer.body, link->url());
        const MutexLock lock(mutex_);
        last_ = link->url();
        return std::move(answer.body);
      }
      if (answer.status == 404) continue;
      why = link->url() + " answers with status " + std::to_string(answer.status);
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled) throw;
      why = e.message();
    }
    all_answered = false;
  }
  if (!all_answered) throw Error(Fault::kInternal, why);
  return std::nullopt;
}

std::string FrontBlobs::fetch(const Blob& blob) {
  const auto until = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    std::string why = "none of the front ends has its content; it may be on one that does not run";
    try {
      if (auto content = fetch_once(blob)) return std::move(*content);
    } catch (const Error& e) {
      if (e.fault() != Fault::kInternal) throw;
      why = e.message();
    }
    poll_cancelled();
    if (std::chrono::steady_clock::now() >= until)
      throw Error(Fault::kMissing, "the picture cannot be fetched: " + why);
    std::this_thread::sleep_for(kPause);
  }
}

std::filesystem::path FrontFolder::get(const Blob& blob) {
  if (auto path = own_.find(blob)) return *path;
  if (others_) {
    try {
      if (const auto content = others_->fetch_once(blob)) own_.keep(blob, *content);
    } catch (const Error& e) {
      if (e.fault() == Fault::kCancelled) throw;
      log(Level::kWarning, "another front end cannot be asked for a picture", {{"why", e.message()}});
    }
  }
  return own_.get(blob);
}

}  // namespace easel::server
