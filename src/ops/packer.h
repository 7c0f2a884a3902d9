// What packing weights is for, passed down to whatever packs: measuring, packing, or packing with a store of packed
// weights at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tensor/storage.h"

namespace easel::ops {

// Packed weights of one model from an earlier time, in the order in which they were packed then. A backend asks for the
// next blob before it packs one, and hands over what it packed instead.
class PackedStore {
 public:
  virtual ~PackedStore() = default;
  // The next blob if there is one of that kind and length, else nothing. `kind` is the backend's number for everything
  // that decides what the bytes mean.
  virtual StorageRef take(uint64_t kind, size_t bytes) = 0;
  // What was packed instead of the blob last asked for.
  virtual void keep(uint64_t kind, const StorageRef& storage, size_t bytes) = 0;
};

// A value: cheap to copy, immutable. A store must outlive the packers that name it.
class Packer {
 public:
  // Packed layers get their shapes and their exact `bytes`, but no memory and no values: they must not be computed
  // with.
  static Packer measure() { return Packer(true, nullptr); }
  static Packer pack() { return Packer(false, nullptr); }
  // Packs what `store` does not have.
  static Packer cached(PackedStore& store) { return Packer(false, &store); }

  // The same for another device; the ones above pack for the host.
  Packer on(Device device) const {
    Packer copy = *this;
    copy.device_ = device;
    return copy;
  }

  bool measures() const { return measures_; }
  PackedStore* store() const { return store_; }  // null: everything is packed
  Device device() const { return device_; }

 private:
  Packer(bool measures, PackedStore* store) : measures_(measures), store_(store) {}
  bool measures_;
  PackedStore* store_;
  Device device_;
};

// The layout that weights are packed in for a device. Layouts of different names may be kept side by side; under one
// name the fingerprint changes whenever the same weights would be packed into other bytes. An empty name: packed
// weights of this device are not to be kept.
std::string_view packed_layout(Device device);
uint64_t packed_layout_fingerprint(Device device);

}  // namespace easel::ops
