// Named tensors in file order: what a model file holds, and what a trace writes.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace easel {

// An ordered dictionary of tensors. Values usually view a mapped file, so holding a TensorMap costs
// address space, not memory.
class TensorMap {
 public:
  using Item = std::pair<std::string, Tensor>;

  bool contains(std::string_view name) const { return index_.count(std::string(name)) != 0; }
  // nullptr when absent.
  const Tensor* find(std::string_view name) const {
    const auto it = index_.find(std::string(name));
    return it == index_.end() ? nullptr : &items_[it->second].second;
  }
  // Adds a tensor, or replaces the one of that name in place.
  void set(std::string name, Tensor tensor) {
    const auto [it, fresh] = index_.try_emplace(name, items_.size());
    if (fresh) items_.emplace_back(std::move(name), std::move(tensor));
    else items_[it->second].second = std::move(tensor);
  }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace easel
