// A cache that forgets what was used longest ago.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace easel {

// Values by key, within a budget: each value has a charge (bytes, or 1 to count values), and while their sum is above
// the budget the value used longest ago is dropped. Not thread-safe.
template <class Key, class Value, class HashOfKey = std::hash<Key>>
class Lru {
 public:
  // At most `most` values, whatever their charges.
  explicit Lru(size_t budget, size_t most = SIZE_MAX) : budget_(budget), most_(most) {}

  // Null when there is none; the pointer is good until the next call. Counts as a use.
  Value* find(const Key& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return &it->second->value;
  }

  // Keeps the value in place of an earlier one of that key. What alone exceeds the budget is not kept.
  void keep(const Key& key, Value value, size_t charge = 1) {
    if (const auto it = index_.find(key); it != index_.end()) drop(it->second);
    if (charge > budget_ || most_ == 0) return;
    while (charge_ > budget_ - charge || index_.size() >= most_) drop(std::prev(order_.end()));
    order_.push_front({key, std::move(value), charge});
    index_.emplace(key, order_.begin());
    charge_ += charge;
  }

  void clear() {
    index_.clear();
    order_.clear();
    charge_ = 0;
  }
  // Drops what was used longest ago. There must be something.
  void drop_oldest() { drop(std::prev(order_.end())); }
  size_t charge() const { return charge_; }  // of all values
  size_t size() const { return index_.size(); }

 private:
  struct Entry {
    Key key;
    Value value;
    size_t charge;
  };
  using Place = typename std::list<Entry>::iterator;
  void drop(Place entry) {
    charge_ -= entry->charge;
    index_.erase(entry->key);
    order_.erase(entry);
  }

  size_t budget_, most_, charge_ = 0;
  std::list<Entry> order_;  // most recently used first
  std::unordered_map<Key, Place, HashOfKey> index_;
};

}  // namespace easel
