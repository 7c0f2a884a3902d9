// The values that links carry between nodes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

namespace easel::models {
struct LatentFormat;
}

namespace easel::nodes {

// The traits of one type of link. Specialised once for each, under the C++ type that names it in
// declarations, which is the type that it holds unless several link types hold the same:
//   static constexpr const char* kName = "LATENT";  // in workflows
//   using Held = Latent;                // what a value holds once it is computed
//   using Foreseen = ForeseenLatent;    // what it holds before that; void: nothing is ever known
//   static size_t bytes(const Held&);   // memory that is freed with the last copy, without shared models, which
//                                       // memory::Residency counts
//   static size_t foreseen_bytes(const Foreseen&);  // what it will be once computed; left out where that is not known
template <class T>
struct LinkType;

// An immutable object under a link type's name. Copies share it. Made by computed() and foreseen() only, so that name,
// C++ type and size are always those of one LinkType.
class Value {
 public:
  Value() = default;

  bool empty() const { return !object_; }
  const std::string& type() const { return type_; }
  // Of a value that was foreseen, those that it will have, or 0 where that is not known.
  size_t bytes() const { return bytes_; }
  // Whether both are the same object, not merely equal ones.
  bool is(const Value& other) const { return object_ == other.object_; }

  // Null if it holds another type.
  template <class T>
  const T* get() const {
    return object_ && kind_ == std::type_index(typeid(T)) ? static_cast<const T*>(object_.get()) : nullptr;
  }
  // Throws Error(kInternal) if it holds another type.
  template <class T>
  const T& as() const {
    if (const T* object = get<T>()) return *object;
    fail_type();
  }

 private:
  template <class L>
  friend Value computed(typename LinkType<L>::Held object);
  template <class L>
  friend Value foreseen(typename LinkType<L>::Foreseen object);
  friend Value list_of(const char* type, std::vector<Value> items);

  template <class T>
  Value(const char* type, T object, size_t bytes)
      : type_(type), object_(std::make_shared<const T>(std::move(object))), kind_(typeid(T)), bytes_(bytes) {}
  [[noreturn]] void fail_type() const;

  std::string type_;
  std::shared_ptr<const void> object_;
  std::type_index kind_ = typeid(void);
  size_t bytes_ = 0;
};

// A finished value of link type L.
template <class L>
Value computed(typename LinkType<L>::Held object) {
  const size_t bytes = LinkType<L>::bytes(object);
  return {LinkType<L>::kName, std::move(object), bytes};
}

// What is known about a value of link type L before it is computed.
template <class L>
Value foreseen(typename LinkType<L>::Foreseen object) {
  size_t bytes = 0;
  if constexpr (requires { LinkType<L>::foreseen_bytes(object); }) bytes = LinkType<L>::foreseen_bytes(object);
  return {LinkType<L>::kName, std::move(object), bytes};
}

// Several values on one link, under the name of their type: nodes that take one value run once for each of them.
struct ValueList {
  std::vector<Value> items;
};
// Throws Error(kInvalid) for an empty list, for which no node could run.
Value list_of(const char* type, std::vector<Value> items);

// An output that is a list of values of link type L.
template <class L>
struct ListOf;
template <class L>
struct LinkType<ListOf<L>> {
  static constexpr const char* kName = LinkType<L>::kName;
  using Held = std::vector<typename LinkType<L>::Held>;
  using Foreseen = void;
};

// "*": a value of any type, which a node passes on as it is, or whose type it asks for.
struct Anything;
template <>
struct LinkType<Anything> {
  static constexpr const char* kName = "*";
  using Held = Value;
  using Foreseen = Value;
};

// Whether the foreseen value of link type L is the same value that a run gives.
template <class L>
inline constexpr bool kKnownWhenChecked =
    std::is_same_v<typename LinkType<L>::Held, typename LinkType<L>::Foreseen> && !std::is_same_v<L, Anything>;

// A node's outputs in the order it declares them.
using Outputs = std::vector<Value>;

// Bytes of a tensor's elements; 0 for an undefined one.
size_t bytes_of(const Tensor& t);

// Bytes of so many f32, or SIZE_MAX where that is beyond any memory. Negative numbers count as 0.
size_t bytes_of_floats(std::initializer_list<int64_t> factors);

// IMAGE: a Tensor [N,H,W,C] f32 in 0..1.
struct Image;
struct ForeseenPicture {
  int64_t width = 0, height = 0, count = 1, channels = 3;
};
template <>
struct LinkType<Image> {
  static constexpr const char* kName = "IMAGE";
  using Held = Tensor;
  using Foreseen = ForeseenPicture;
  static size_t bytes(const Held& pixels) { return bytes_of(pixels); }
  static size_t foreseen_bytes(const Foreseen& p) { return bytes_of_floats({p.count, p.height, p.width, p.channels}); }
};

// MASK: a Tensor [N,H,W] f32.
struct Mask;
struct ForeseenMask {
  int64_t width = 0, height = 0, count = 1;
};
template <>
struct LinkType<Mask> {
  static constexpr const char* kName = "MASK";
  using Held = Tensor;
  using Foreseen = ForeseenMask;
  static size_t bytes(const Held& values) { return bytes_of(values); }
  static size_t foreseen_bytes(const Foreseen& m) { return bytes_of_floats({m.count, m.height, m.width}); }
};

// LATENT. Its format converts positions and sizes that nodes are given in pixels to latent pixels.
struct Latent {
  Tensor samples;                                // [N,h,w,C] f32, as the VAE encodes
  Tensor noise_mask;                             // [n,H,W], 1 where the picture may change; undefined for all
  std::vector<int64_t> batch_index;              // which noise of the seed's batch each sample gets; empty: in order
  const models::LatentFormat* format = nullptr;  // of the VAE it comes from; null: ComfyUI's default
};
struct ForeseenLatent {
  int64_t count = 0, height = 0, width = 0;  // in latent pixels
  int64_t channels = 0;
  int64_t factor = 0;  // pixels along a side of a latent pixel
};
template <>
struct LinkType<Latent> {
  static constexpr const char* kName = "LATENT";
  using Held = Latent;
  using Foreseen = ForeseenLatent;
  static size_t bytes(const Held& latent) { return bytes_of(latent.samples) + bytes_of(latent.noise_mask); }
  static size_t foreseen_bytes(const Foreseen& l) { return bytes_of_floats({l.count, l.height, l.width, l.channels}); }
};

// Types whose values are small and known as soon as the node before them has run.
template <class T>
struct PlainLink {
  using Held = T;
  using Foreseen = T;
  static size_t bytes(const T&) { return sizeof(T); }
};
template <>
struct LinkType<int64_t> : PlainLink<int64_t> {
  static constexpr const char* kName = "INT";
};
template <>
struct LinkType<double> : PlainLink<double> {
  static constexpr const char* kName = "FLOAT";
};
template <>
struct LinkType<bool> : PlainLink<bool> {
  static constexpr const char* kName = "BOOLEAN";
};
template <>
struct LinkType<std::string> : PlainLink<std::string> {
  static constexpr const char* kName = "STRING";
  static size_t bytes(const std::string& text) { return text.size(); }
};

// FLOAT if a node makes a number for each picture of a batch.
struct NumberList {
  std::vector<double> values;
};
template <>
struct LinkType<NumberList> : PlainLink<NumberList> {
  static constexpr const char* kName = "FLOAT";
  static size_t bytes(const NumberList& list) { return list.values.size() * sizeof(double); }
};

}  // namespace easel::nodes
