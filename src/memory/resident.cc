#include "memory/resident.h"

#include <algorithm>

#include "base/error.h"
#include "tensor/memory_guard.h"
#include "tensor/storage.h"

namespace easel::memory {
namespace {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

}  // namespace

ResidentBase::ResidentBase(Residency& owner, std::string name, size_t estimate)
    : owner_(owner), name_(std::move(name)), estimate_(estimate) {
  owner_.add(this);
}

void ResidentBase::leave() { owner_.remove(this); }

void Residency::add(ResidentBase* r) {
  MutexLock lock(mutex_);
  all_.push_back(r);
}

void Residency::remove(ResidentBase* r) {
  MutexLock lock(mutex_);
  all_.erase(std::remove(all_.begin(), all_.end(), r), all_.end());
  std::erase_if(shared_, [](const auto& entry) { return !entry.second.being_made && entry.second.model.expired(); });
}

std::shared_ptr<ResidentBase> Residency::find_or_claim(const std::string& key) {
  MutexLock lock(mutex_);
  made_.wait(lock, [&]() EASEL_REQUIRES(mutex_) { return !shared_[key].being_made; });
  Shared& entry = shared_[key];
  auto found = entry.model.lock();
  entry.being_made = !found;
  return found;
}

void Residency::enter(const std::string& key, const std::shared_ptr<ResidentBase>& made) {
  {
    MutexLock lock(mutex_);
    if (made) shared_[key] = {made, false};
    else shared_.erase(key);
  }
  made_.notify_all();
}

void Residency::touch(ResidentBase& r) {
  MutexLock lock(mutex_);
  r.last_use_ = ++clock_;
}

size_t Residency::loaded_now() const {
  size_t total = 0;
  for (const ResidentBase* r : all_) total += r->loaded_bytes();
  return total;
}

size_t Residency::loaded_bytes() const {
  MutexLock lock(mutex_);
  return loaded_now();
}

uint64_t Residency::now() const {
  MutexLock lock(mutex_);
  return clock_;
}

bool Residency::unreadable_since(uint64_t moment) const {
  std::vector<std::shared_ptr<ResidentBase>> used;
  {
    MutexLock lock(mutex_);
    for (ResidentBase* r : all_)
      if (r->last_use_ > moment)
        if (auto held = r->weak_from_this().lock()) used.push_back(std::move(held));
  }
  // Without the lock: a model that is being built holds its own lock and calls make_room().
  return std::any_of(used.begin(), used.end(), [&](const auto& r) { return r->unreadable(moment); });
}

void Residency::evict_all() {
  MutexLock lock(mutex_);
  for (ResidentBase* r : all_) r->evict();
  trim_pool();
}

// Those used longest ago first.
std::vector<ResidentBase*> Residency::loaded_models() const {
  std::vector<ResidentBase*> loaded;
  for (ResidentBase* r : all_)
    if (r->loaded_bytes() > 0) loaded.push_back(r);
  std::sort(loaded.begin(), loaded.end(), [](auto* a, auto* b) { return a->last_use_ < b->last_use_; });
  return loaded;
}

bool Residency::evict_oldest() {
  MutexLock lock(mutex_);
  const auto loaded = loaded_models();
  return std::any_of(loaded.begin(), loaded.end(), [](ResidentBase* r) { return r->evict(); });
}

void Residency::make_room(size_t bytes, const std::string& name) {
  {
    MutexLock lock(mutex_);
    make_room_now(bytes, name);
  }
  if (!apart_) ask_for_memory(bytes);
}

void Residency::make_room_now(size_t bytes, const std::string& name) {
  if (budget_ == 0) return;
  const std::vector<ResidentBase*> loaded = loaded_models();
  const auto fits = [&]() EASEL_REQUIRES(mutex_) { return loaded_now() + held_ + overhead() + bytes <= budget_; };
  for (ResidentBase* r : loaded) {
    if (fits()) return;
    if (r->evict()) trim_pool();
  }
  if (!fits()) refuse(bytes, name, loaded_now() + held_);
}

void Residency::refuse(size_t bytes, const std::string& name, size_t kept) const {
  throw Error(Fault::kMemory, "the " + name + " takes " + mebibytes(bytes) +
                                  (kept > 0 ? " besides the " + mebibytes(kept) + " in use" : "") +
                                  (overhead() > 0 ? " and " + mebibytes(overhead()) + " for the program itself" : "") +
                                  ", more than the memory budget of " + mebibytes(budget_))
      .fix("Allow " + mebibytes(kept + overhead() + bytes) + " or more, or choose a smaller model or picture");
}

void Residency::require(size_t bytes, const std::string& name) const {
  if (budget_ > 0 && bytes + overhead() > budget_) refuse(bytes, name, 0);
}

size_t Residency::room(size_t wanted) {
  if (budget_ == 0) return SIZE_MAX;
  MemoryGuard* const guard = apart_ ? nullptr : memory_guard();
  if (guard && wanted > 0) guard->make_room(wanted);
  MutexLock lock(mutex_);
  size_t kept = held_ + overhead() + (guard ? guard->beside_models() : 0);
  for (ResidentBase* r : all_)
    if (r->loaded_bytes() > 0 && r->in_use()) kept += r->loaded_bytes();
  return budget_ > kept ? budget_ - kept : 0;
}

Residency::Hold Residency::hold(size_t bytes, const std::string& name) {
  make_room(bytes, name);
  MutexLock lock(mutex_);
  held_ += bytes;
  return {*this, bytes};
}

void Residency::let_go(size_t bytes) {
  MutexLock lock(mutex_);
  held_ -= bytes;
}

}  // namespace easel::memory
