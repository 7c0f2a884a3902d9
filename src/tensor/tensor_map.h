// Named values in the order in which they were added.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace easel {

// An ordered dictionary.
template <class T>
class NamedMap {
 public:
  using Item = std::pair<std::string, T>;

  bool contains(std::string_view name) const { return index_.count(std::string(name)) != 0; }
  // nullptr when absent.
  const T* find(std::string_view name) const {
    const auto it = index_.find(std::string(name));
    return it == index_.end() ? nullptr : &items_[it->second].second;
  }
  // Adds a value, or replaces the one with that name in place.
  void set(std::string name, T value) {
    const auto [it, fresh] = index_.try_emplace(name, items_.size());
    if (fresh) items_.emplace_back(std::move(name), std::move(value));
    else items_[it->second].second = std::move(value);
  }
  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
  std::unordered_map<std::string, size_t> index_;
};

// Tensors in memory, such as a trace, or a latent to be written to a file.
using TensorMap = NamedMap<Tensor>;

}  // namespace easel
