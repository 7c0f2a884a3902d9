// Keeps everything that a run takes within the memory budget.
#pragma once

#include <cstddef>

#include "engine/result_cache.h"
#include "memory/resident.h"
#include "tensor/memory_guard.h"

namespace easel::engine {

// The part of the memory budget for everything but models and their working memory: the program itself, tokenizers,
// pages of model files that stay mapped, and pictures and latents as long as they are small.
constexpr size_t kProgramMemory = size_t{256} << 20;
// What of it is for small pictures and latents.
constexpr size_t kSmallValues = size_t{128} << 20;

// The budget for everything but models where those lie in memory of a device's own, else the one for all.
size_t budget_beside(const memory::Residency& residency);

// Counts models, unless they lie apart, tensors (results that are kept too, and blocks of freed ones that are kept for
// reuse) and the buffers of pictures. Before their sum goes above the budget, it lets go of, in this order: blocks kept
// for reuse, kept results, idle models. Used by one run at a time, on its thread.
class MemoryKeeper final : public MemoryGuard {
 public:
  // Both must outlive it.
  MemoryKeeper(memory::Residency& residency, ResultCache& results) : residency_(residency), results_(results) {}

  // Throws Error(kMemory) that says how much was asked for, what is in use and what the budget is.
  void before(size_t bytes) override;
  bool make_room(size_t bytes) override;
  size_t beside_models() const override;

 private:
  // By how much the budget would be exceeded with `bytes` more, which is at most the budget.
  size_t excess(size_t bytes) const;
  // What models take of the budget.
  size_t models() const;

  memory::Residency& residency_;
  ResultCache& results_;
};

// The error of a node that needs, or will need, `bytes` at once besides what is in use, `what` being their name.
Error beyond_budget(const std::string& what, size_t bytes, size_t in_use, const memory::Residency& residency);

}  // namespace easel::engine
