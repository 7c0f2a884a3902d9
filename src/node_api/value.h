// What travels over links between nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

namespace easel::models {
struct LatentFormat;
}

namespace easel::nodes {

// An immutable object of some C++ type under a link type's name ("MODEL", "IMAGE"). Copies share it.
// What is held under which name:
//   IMAGE         Tensor [N,H,W,C] f32 in 0..1        MASK                Tensor [N,H,W] f32
//   LATENT        Latent                              CONDITIONING        sampling::Conditioning
//   MODEL         models::ModelHandle                 CLIP                models::ClipHandle
//   VAE           models::VaeHandle                   CONTROL_NET         models::ControlNetHandle
//   CLIP_VISION   models::ClipVisionHandle            CLIP_VISION_OUTPUT  models::ClipVisionOutput
//   STYLE_MODEL   models::StyleModelHandle            IPADAPTER           models::IpAdapterHandle
//   UPSCALE_MODEL models::UpscalerHandle
//   INT           int64_t                             FLOAT               double
//   STRING        std::string                         BOOLEAN             bool
// A node file may add types of its own.
class Value {
 public:
  Value() = default;
  // `bytes`: memory that is free again when the last copy goes; shared models count elsewhere.
  template <class T>
  Value(std::string type, T object, size_t bytes = 0)
      : type_(std::move(type)),
        object_(std::make_shared<const T>(std::move(object))),
        kind_(typeid(T)),
        bytes_(bytes) {}

  bool empty() const { return !object_; }
  const std::string& type() const { return type_; }
  size_t bytes() const { return bytes_; }

  // nullptr when it holds something else.
  template <class T>
  const T* get() const {
    return object_ && kind_ == std::type_index(typeid(T)) ? static_cast<const T*>(object_.get()) : nullptr;
  }
  // Throws Error(kInternal) when it holds something else.
  template <class T>
  const T& as() const {
    if (const T* object = get<T>()) return *object;
    throw Error(Fault::kInternal, "a " + (empty() ? "missing value" : type_) + " is not of the type it was taken for");
  }

 private:
  std::string type_;
  std::shared_ptr<const void> object_;
  std::type_index kind_ = typeid(void);
  size_t bytes_ = 0;
};

// A node's outputs in the order it declares them.
using Outputs = std::vector<Value>;

// LATENT. Positions and sizes that nodes are given in pixels are brought to latent pixels by its format.
struct Latent {
  Tensor samples;                                // [N,h,w,C] f32, as the VAE encodes
  Tensor noise_mask;                             // [n,H,W], 1 where the picture may change; undefined for all
  std::vector<int64_t> batch_index;              // which noise of the seed's batch each sample gets; empty: in order
  const models::LatentFormat* format = nullptr;  // of the VAE it comes from; null: ComfyUI's default
};

Value image(Tensor pixels);
Value mask(Tensor values);
Value latent(Latent latent);

}  // namespace easel::nodes
