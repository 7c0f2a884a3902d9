// Models that can be dropped from memory and built again from their file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace easel::models {

class Residency;

// Type-erased part of Resident<T>. Known to the Residency it was created with for as long as it lives.
class ResidentBase : public std::enable_shared_from_this<ResidentBase> {
 public:
  virtual ~ResidentBase();
  const std::string& name() const { return name_; }      // for messages: "UNet of sd_xl_base_1.0.safetensors"
  size_t estimated_bytes() const { return estimate_; }   // before it is built
  virtual size_t loaded_bytes() const = 0;               // 0 while not built
  virtual bool in_use() const = 0;                       // someone outside holds what get() returned
  virtual void evict() = 0;                              // drops the built model; in-use ones stay alive with their users

 protected:
  ResidentBase(Residency& owner, std::string name, size_t estimate);
  Residency& owner_;
  std::string name_;
  size_t estimate_;
  uint64_t last_use_ = 0;
  friend class Residency;
};

// Keeps the sum of loaded models within a budget: before one is built, the least recently used ones that
// are not in use are evicted. Thread-safe.
class Residency {
 public:
  // budget 0: as much as there is.
  explicit Residency(size_t budget_bytes = 0) : budget_(budget_bytes) {}
  size_t budget() const { return budget_; }
  size_t loaded_bytes() const;
  // Drops everything not in use.
  void evict_all();
  // Makes room for `bytes` more; throws Error(kMemory) naming `name` and what would fit when it cannot.
  void make_room(size_t bytes, const std::string& name);
  void touch(ResidentBase& r);

 private:
  friend class ResidentBase;
  void add(ResidentBase* r);
  void remove(ResidentBase* r);
  mutable std::recursive_mutex mutex_;
  std::vector<ResidentBase*> all_;
  size_t budget_;
  uint64_t clock_ = 0;
};

// A lazily built T (UNet, Vae, ...; needs `size_t bytes() const`). get() builds on first use and after an eviction.
template <class T>
class Resident final : public ResidentBase {
 public:
  using Build = std::function<std::shared_ptr<const T>()>;
  Resident(Residency& owner, std::string name, size_t estimate, Build build)
      : ResidentBase(owner, std::move(name), estimate), build_(std::move(build)) {}

  std::shared_ptr<const T> get() {
    std::lock_guard lock(mutex_);
    if (!model_) {
      owner_.make_room(estimate_, name_);
      model_ = build_();
    }
    owner_.touch(*this);
    return model_;
  }
  size_t loaded_bytes() const override { return model_ ? model_->bytes() : 0; }
  bool in_use() const override { return model_ && model_.use_count() > 1; }
  void evict() override { model_.reset(); }

 private:
  std::mutex mutex_;
  Build build_;
  std::shared_ptr<const T> model_;
};

}  // namespace easel::models
