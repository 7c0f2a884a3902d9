// Models that can be dropped from memory and built again from their file.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "tensor/mapped_file.h"
#include "tensor/storage.h"

namespace easel::memory {

class Residency;

// The type-erased part of Resident<T>. Registered with its Residency for as long as it lives.
class ResidentBase : public std::enable_shared_from_this<ResidentBase> {
 public:
  virtual ~ResidentBase() = default;
  const std::string& name() const { return name_; }       // for messages: "UNet of sd_xl_base_1.0.safetensors"
  size_t estimated_bytes() const { return estimate_; }    // before it is built
  size_t loaded_bytes() const { return loaded_.load(); }  // 0 while not built
  virtual bool in_use() = 0;                              // being built, or held by someone get() gave it to
  virtual bool evict() = 0;                               // drops the built model unless it is in use
  // Whether the model was used after the moment `since` although its mapping had failed, so that it computed with
  // zeros.
  virtual bool unreadable(uint64_t since) = 0;

 protected:
  ResidentBase(Residency& owner, std::string name, size_t estimate);
  // The destructor of the final class must call this before anything else.
  void leave();

  Residency& owner_;
  const std::string name_;
  const size_t estimate_;
  std::atomic<size_t> loaded_{0};
  std::atomic<uint64_t> last_use_{0};  // in the Residency's time

 private:
  friend class Residency;
};

// The result of building a model: the model, and the mapping that it continues to read from, if any.
template <class T>
struct Built {
  template <class U>
  Built(std::shared_ptr<U> made, StorageRef reads = {})  // NOLINT(google-explicit-constructor)
      : model(std::move(made)), mapped(std::move(reads)) {}
  std::shared_ptr<const T> model;
  StorageRef mapped;
};

// Keeps loaded models and the memory that they compute in within a budget: before either grows, the least recently used
// idle models are evicted. Must outlive the models that are registered with it.
//
// Thread-safe. No call waits for a model that another thread is building, except shared() and Resident::get() for that
// very model. The lock is held for bookkeeping only. Under it ResidentBase::in_use() and evict() are called, which
// never wait, and so are the destructors of evicted models, which must not call back. `make` and `build` are called
// without the lock and may use this object.
class Residency {
 public:
  // A budget of 0 means no limit. `overhead` is the part of the budget that the rest of the program needs.
  explicit Residency(size_t budget_bytes = 0, size_t overhead = 0) : budget_(budget_bytes), overhead_(overhead) {}
  Residency(const Residency&) = delete;
  Residency& operator=(const Residency&) = delete;

  size_t budget() const { return budget_; }
  // For what is asked for from here on; nothing is evicted. `apart`: models and what they compute in lie in memory of a
  // device's own, so that nothing else counts in the budget.
  void set_budget(size_t bytes, bool apart = false) {
    budget_ = bytes;
    apart_ = apart;
  }
  bool apart() const { return apart_; }
  size_t loaded_bytes() const;
  // Drops everything not in use.
  void evict_all();
  // Evicts the idle model that was used longest ago. Returns whether there was one.
  bool evict_oldest();
  // Makes room for `bytes` more, or throws Error(kMemory) that names `name` and says what would fit. Asks this thread's
  // MemoryGuard too, which knows what there is beside models, unless those lie apart.
  void make_room(size_t bytes, const std::string& name);
  // The room that there would be if all idle models were evicted. Where `wanted` bytes do not fit beside what this
  // thread's MemoryGuard counts, that is asked to make room first.
  size_t room(size_t wanted = 0);
  // Throws as make_room() would if no other model was loaded.
  void require(size_t bytes, const std::string& name) const;

  // Memory to compute in, counted against the budget for the lifetime of this object.
  class Hold {
   public:
    Hold() = default;
    Hold(Residency& owner, size_t bytes) : owner_(&owner), bytes_(bytes) {}
    Hold(Hold&& o) noexcept : owner_(std::exchange(o.owner_, nullptr)), bytes_(o.bytes_) {}
    Hold& operator=(Hold&& o) noexcept {
      std::swap(owner_, o.owner_);
      std::swap(bytes_, o.bytes_);
      return *this;
    }
    ~Hold() {
      if (owner_) owner_->let_go(bytes_);
    }

   private:
    Residency* owner_ = nullptr;
    size_t bytes_ = 0;
  };
  // Makes room as make_room() does.
  [[nodiscard]] Hold hold(size_t bytes, const std::string& name);

  void touch(ResidentBase& r);

  // The present moment, for unreadable_since().
  uint64_t now() const;
  // Whether a model that was used after that moment had read zeros because its file could not be read, so that the
  // results are wrong. Such a model is rebuilt when it is next requested.
  bool unreadable_since(uint64_t moment) const;

  // The model registered under `key` if it is still held somewhere, else the result of `make`, which is then
  // registered. A key must identify everything that the model is built from: kind, file identity, type, patches; it
  // always has the same T. `make` is called on this thread without the lock. Other threads that ask for the same key
  // wait for it; if it throws, one of them makes the model itself. `make` may request other keys, but not in a cycle.
  template <class T>
  std::shared_ptr<T> shared(const std::string& key, const std::function<std::shared_ptr<T>()>& make) {
    if (const auto found = find_or_claim(key)) {
      auto known = std::dynamic_pointer_cast<T>(found);
      if (!known) throw Error(Fault::kInternal, "two kinds of model are registered as '" + key + "'");
      return known;
    }
    std::shared_ptr<T> made;
    try {
      made = make();
    } catch (...) {
      enter(key, nullptr);
      throw;
    }
    enter(key, made);
    return made;
  }

 private:
  friend class ResidentBase;
  struct Shared {
    std::weak_ptr<ResidentBase> model;
    bool being_made = false;
  };

  void add(ResidentBase* r);
  void remove(ResidentBase* r);
  void let_go(size_t bytes);
  // Waits until no other thread is making the model of the key. Returns the model, or null if there is none; the caller
  // must then make it and call enter().
  std::shared_ptr<ResidentBase> find_or_claim(const std::string& key);
  void enter(const std::string& key, const std::shared_ptr<ResidentBase>& made);
  size_t loaded_now() const EASEL_REQUIRES(mutex_);
  void make_room_now(size_t bytes, const std::string& name) EASEL_REQUIRES(mutex_);
  std::vector<ResidentBase*> loaded_models() const EASEL_REQUIRES(mutex_);
  size_t overhead() const { return apart_ ? 0 : overhead_; }
  [[noreturn]] void refuse(size_t bytes, const std::string& name, size_t kept) const;

  mutable Mutex mutex_;
  Condition made_;
  std::vector<ResidentBase*> all_ EASEL_GUARDED_BY(mutex_);
  std::map<std::string, Shared> shared_ EASEL_GUARDED_BY(mutex_);
  std::atomic<size_t> budget_;
  std::atomic<bool> apart_{false};
  const size_t overhead_;
  size_t held_ EASEL_GUARDED_BY(mutex_) = 0;
  uint64_t clock_ EASEL_GUARDED_BY(mutex_) = 0;
};

// A lazily built T (UNet, Vae, ...; needs `size_t bytes() const`). get() builds it on first use and after an eviction,
// on the calling thread, under a lock of this model only.
template <class T>
class Resident final : public ResidentBase {
 public:
  using Build = std::function<Built<T>()>;
  Resident(Residency& owner, std::string name, size_t estimate, Build build)
      : ResidentBase(owner, std::move(name), estimate), build_(std::move(build)) {}
  ~Resident() override { leave(); }

  std::shared_ptr<const T> get() {
    const MutexLock lock(mutex_);
    if (model_ && mapping_failed(mapped_)) drop();
    if (!model_) {
      owner_.make_room(estimate_, name_);
      Built<T> built = build_();
      model_ = std::move(built.model);
      mapped_ = std::move(built.mapped);
      loaded_ = model_->bytes();
      trim_pool();  // blocks used for packing have no sizes that computing reuses
    }
    owner_.touch(*this);
    return model_;
  }
  bool in_use() override {
    if (!mutex_.try_lock()) return true;
    const bool shared = is_shared();
    mutex_.unlock();
    return shared;
  }
  bool evict() override {
    if (!mutex_.try_lock()) return false;
    const bool idle = !is_shared();
    if (idle) drop();
    mutex_.unlock();
    return idle;
  }
  bool unreadable(uint64_t since) override {
    if (mutex_.try_lock()) {  // else it is being rebuilt, and drop() has recorded an earlier failure
      note_failure();
      mutex_.unlock();
    }
    return failed_use_ > since;
  }

 private:
  bool is_shared() const EASEL_REQUIRES(mutex_) { return model_ && model_.use_count() > 1; }
  void note_failure() EASEL_REQUIRES(mutex_) {
    if (mapping_failed(mapped_)) failed_use_ = last_use_.load();
  }
  void drop() EASEL_REQUIRES(mutex_) {
    note_failure();
    model_.reset();
    mapped_ = {};
    loaded_ = 0;
  }

  Mutex mutex_;
  Build build_;
  std::shared_ptr<const T> model_ EASEL_GUARDED_BY(mutex_);
  StorageRef mapped_ EASEL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> failed_use_{0};  // the last use before the mapping was found to have failed
};

}  // namespace easel::memory
