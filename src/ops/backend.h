// The interface of a compute device: one virtual function for each operation of ops/*.h, where its result is defined.
//
// The public functions check shapes and types, allocate the output, count the work, and call the backend of their
// tensors' device. A backend may therefore assume that its inputs fit together, lie on its own device and are not
// empty. Strides are arbitrary unless a comment says otherwise; `out` is contiguous and uninitialised, and every
// element of it must be written. Thread-safe.
#pragma once

#include <span>
#include <string_view>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "tensor/device_memory.h"
#include "tensor/tensor.h"

namespace easel::ops {

class Backend {
 public:
  virtual ~Backend() = default;

  // Allocation, copies from and to the host, and conversion between types and layouts.
  virtual DeviceMemory& memory() const = 0;

  // The fastest compute type that is at least as accurate as bf16: kBF16 where the hardware multiplies it, else kF32.
  virtual DType native_type() const { return DType::kF32; }

  // Products. Weights and bias are on the host. The result is a class of the backend's own, names its device, and is
  // only ever passed back to it. If the packer has a store, the store is asked for an earlier packing first.
  virtual PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                      bool geglu, const Packer& packer) const = 0;
  virtual PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                                    DType compute, const Packer& packer) const = 0;
  // See Packer. A backend whose layout has no name keeps nothing in a store.
  virtual std::string_view packed_layout() const { return {}; }
  virtual uint64_t packed_layout_fingerprint() const { return 0; }
  // x [rows, in] with dense rows at a constant stride; out [..., out]; the residual, if any, is contiguous.
  virtual void linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args, Tensor& out) const = 0;
  // The residual and the channel bias, if any, are contiguous.
  virtual void conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args, Tensor& out) const = 0;

  // Innermost dimensions are dense. args.scale is never 0; args.bias, if any, is [N,heads,Tq,Tk] with dense rows and
  // strides of 0 where samples or heads share it.
  virtual void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                         Tensor& out) const = 0;
  // Dense innermost dimensions, scale is never 0.
  virtual void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out) const = 0;

  // x is contiguous.
  virtual void group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                          Activation activation, Tensor& out) const = 0;
  virtual void layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& out) const = 0;

  // Pointwise. b has the shape of a, with strides of 0 along broadcast dimensions.
  virtual void activate(const Tensor& x, Activation activation, Tensor& out) const = 0;
  virtual void affine(const Tensor& x, float scale, float shift, Tensor& out) const = 0;
  virtual void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const = 0;
  virtual void mul(const Tensor& a, const Tensor& b, Tensor& out) const = 0;
  virtual void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const = 0;

  // Inputs have the shape of `out`, with 0 strides where they are repeated; those that the formula does not use are
  // undefined. `out` has any strides, and may be one of the inputs.
  virtual void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const = 0;
  // x is contiguous, [outer, reduced, inner]; out holds outer * inner values.
  virtual void reduce(const Tensor& x, Reduction how, Tensor& out) const = 0;
  virtual void scale_low_frequencies(const Tensor& x, float by, Tensor& out) const = 0;

  // Movement. `dim` is not negative. Parts have any type and may be empty.
  virtual void concat(std::span<const Tensor> parts, int dim, Tensor& out) const = 0;
  virtual void repeat(const Tensor& x, int64_t times, Tensor& out) const = 0;
  virtual void upsample_nearest2x(const Tensor& x, Tensor& out) const = 0;
  virtual void avg_pool2x(const Tensor& x, Tensor& out) const = 0;
  virtual void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const = 0;
  virtual void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const = 0;
  virtual void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const = 0;
  // The table is on the host.
  virtual void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const = 0;
  // Angles are rounded to f32 as in torch, because the models were trained with the rounded values.
  virtual void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const = 0;

  // The memory that the device lets this program have, in bytes; 0 where it is the machine's.
  virtual uint64_t memory_bytes() const { return 0; }
  // Whether that is memory of the device's own, not a part of the machine's.
  virtual bool memory_apart() const { return false; }
  // Returns when everything that was asked for is computed.
  virtual void wait() const {}

  // Whether the device stopped working, for as long as the program runs: every further use of it throws
  // Error(kUnsupported), and what lay in its memory is gone.
  virtual bool lost() const { return false; }

  // What the device had to make since it was opened. Within a step it makes nothing.
  struct Made {
    uint64_t blocks = 0;    // of memory, from the driver
    uint64_t shaders = 0;   // compiled with certain constants
    uint64_t commands = 0;  // recorded: those of a step that is like an earlier one are submitted again
  };
  virtual Made made() const { return {}; }

  // Products of that type as fast as the device can do them when nothing comes from memory: returns the operations
  // done, two for each multiplication. For measure_product_limit(); 0 where there is no such loop.
  virtual uint64_t register_products(DType) const { return 0; }
};

// The backend of a device. Throws Error(kUnsupported) where there is no such device, or its backend was not built.
const Backend& backend(Device device);

}  // namespace easel::ops
