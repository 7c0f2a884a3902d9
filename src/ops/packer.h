// How weights are to be packed, passed down to everything that packs: only measured, packed, or taken from a store of
// packed weights where possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tensor/storage.h"

namespace easel::ops {

// Packed weights of one model, kept from an earlier load in the order in which they were packed. Before a backend packs
// a blob it asks for the next one; if it has to pack, it hands the result over.
class PackedStore {
 public:
  virtual ~PackedStore() = default;
  // The next blob if it has this kind and size, else null. `kind` is a number that the backend derives from everything
  // that determines the meaning of the bytes.
  virtual StorageRef take(uint64_t kind, size_t bytes) = 0;
  // Stores the packing of the blob that was last asked for.
  virtual void keep(uint64_t kind, const StorageRef& storage, size_t bytes) = 0;
};

// Immutable and cheap to copy. A store must outlive the packers that refer to it.
class Packer {
 public:
  // Layers get their shapes and their exact `bytes`, but no memory and no values, so they cannot be computed with.
  static Packer measure() { return Packer(true, nullptr); }
  static Packer pack() { return Packer(false, nullptr); }
  // Packs only what `store` does not have.
  static Packer cached(PackedStore& store) { return Packer(false, &store); }

  // The same for another device; the packers above are for the host.
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

// The layout of the weights that are packed for a device. Layouts with different names may be kept side by side; under
// one name the fingerprint changes whenever the same weights would be packed into different bytes. An empty name means
// that packed weights of this device must not be kept.
std::string_view packed_layout(Device device);
uint64_t packed_layout_fingerprint(Device device);

}  // namespace easel::ops
