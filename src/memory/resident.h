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

// Type-erased part of Resident<T>. Known to the Residency it was created with for as long as it lives.
class ResidentBase : public std::enable_shared_from_this<ResidentBase> {
 public:
  virtual ~ResidentBase() = default;
  const std::string& name() const { return name_; }       // for messages: "UNet of sd_xl_base_1.0.safetensors"
  size_t estimated_bytes() const { return estimate_; }    // before it is built
  size_t loaded_bytes() const { return loaded_.load(); }  // 0 while not built
  virtual bool in_use() = 0;                              // being built, or held by someone get() gave it to
  virtual bool evict() = 0;                               // drops the built model unless it is in use
  // Whether zeros were read in place of a part of the file it is mapped from, and it was used after the moment `since`.
  virtual bool unreadable(uint64_t since) = 0;

 protected:
  ResidentBase(Residency& owner, std::string name, size_t estimate);
  // To be called by the destructor of the final class, before any of it is gone.
  void leave();

  Residency& owner_;
  const std::string name_;
  const size_t estimate_;
  std::atomic<size_t> loaded_{0};
  std::atomic<uint64_t> last_use_{0};  // in the Residency's time

 private:
  friend class Residency;
};

// What a model's builder gives: the model, and the mapping it goes on reading from, if there is one.
template <class T>
struct Built {
  template <class U>
  Built(std::shared_ptr<U> made, StorageRef reads = {})  // NOLINT(google-explicit-constructor)
      : model(std::move(made)), mapped(std::move(reads)) {}
  std::shared_ptr<const T> model;
  StorageRef mapped;
};

// Keeps loaded models and the memory they compute in within a budget: before there is more of either, the least
// recently used models that are not in use are evicted. Must outlive the models made with it.
//
// Thread-safe, and no call waits for a model that another thread makes or builds, except shared() and Resident::get()
// for that very model. The lock is held for bookkeeping only; what is called under it is ResidentBase::in_use() and
// evict(), which never wait, and so the destructors of evicted models, which must not call back. shared()'s `make` and
// Resident's `build` are called without it, and may use this object.
class Residency {
 public:
  // budget 0: as much as there is. `overhead` is what the program takes beside all that, of the budget.
  explicit Residency(size_t budget_bytes = 0, size_t overhead = 0) : budget_(budget_bytes), overhead_(overhead) {}
  Residency(const Residency&) = delete;
  Residency& operator=(const Residency&) = delete;

  size_t budget() const { return budget_; }
  size_t loaded_bytes() const;
  // Drops everything not in use.
  void evict_all();
  // Makes room for `bytes` more; throws Error(kMemory) naming `name` and what would fit when it cannot.
  void make_room(size_t bytes, const std::string& name);
  // What there would be room for if all models that are not in use were evicted.
  size_t room();
  // Throws what make_room() would if nothing else was in memory.
  void require(size_t bytes, const std::string& name) const;

  // Memory to compute in, counted until it is let go.
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

  // This moment, for unreadable_since().
  uint64_t now() const;
  // Whether a model that was used after that moment read zeros in place of a part of its file that cannot be read: what
  // was computed with it is wrong. A model that did is built anew when it is asked for again.
  bool unreadable_since(uint64_t moment) const;

  // The model registered under `key` while anyone holds it, else what `make` returns, registered from now on. A key
  // says everything the model is built from: kind, file identity, type, patches. One key, one T.
  // `make` is called without the lock, on this thread; whoever asks for the same key meanwhile waits for it, and when
  // it throws makes the model themselves. It may ask for other keys, but not so that two keys wait for each other.
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
  // Waits until nobody makes the key's model; then the model, or nullptr when there is none: it is the caller's to make
  // and to enter().
  std::shared_ptr<ResidentBase> find_or_claim(const std::string& key);
  void enter(const std::string& key, const std::shared_ptr<ResidentBase>& made);
  size_t loaded_now() const EASEL_REQUIRES(mutex_);
  void make_room_now(size_t bytes, const std::string& name) EASEL_REQUIRES(mutex_);
  [[noreturn]] void refuse(size_t bytes, const std::string& name, size_t kept) const;

  mutable Mutex mutex_;
  Condition made_;
  std::vector<ResidentBase*> all_ EASEL_GUARDED_BY(mutex_);
  std::map<std::string, Shared> shared_ EASEL_GUARDED_BY(mutex_);
  const size_t budget_, overhead_;
  size_t held_ EASEL_GUARDED_BY(mutex_) = 0;
  uint64_t clock_ EASEL_GUARDED_BY(mutex_) = 0;
};

// A lazily built T (UNet, Vae, ...; needs `size_t bytes() const`). get() builds on first use and after an eviction, on
// the thread that asks, under a lock of this model alone.
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
      trim_pool();  // what packing used is of no size that computing uses
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
