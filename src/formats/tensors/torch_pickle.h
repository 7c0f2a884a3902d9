// What the pickle inside a torch file means: which Python names it may mention, and how a record of a
// call becomes a tensor.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "formats/tensors/pickle.h"
#include "formats/tensors/safetensors.h"
#include "tensor/stored_tensor.h"

namespace easel::formats {

// Refuses, by name, every Python name that can act: what runs programs, evaluates, imports, reads attributes by name,
// reaches files or the network (os, posix, subprocess, builtins but its plain types, importlib, pickle, torch.hub,
// torch.load, numpy.load, ...), under whatever module it is found. All others pass, since training leaves classes of
// any kind beside the weights: a scheduler, an argparse.Namespace, a datetime, callbacks. What passes is never called
// or imported either: names that Easel does not interpret stay as inert records. Throws Error(kBadFile): "contains
// code: it names 'posix.system'".
void check_torch_global(std::string_view module, std::string_view name);

// Classes of TorchScript, "__torch__.package.Module", whose code lies beside the pickle, and is not read.
bool is_script_class(std::string_view name);
// check_torch_global() for archives of TorchScript: lets their classes pass too, and the names by which they write
// lists of numbers, which stay inert records like all others.
void check_script_global(std::string_view module, std::string_view name);

// One of the arrays of memory that tensors point into, as the pickle names it.
struct StorageName {
  std::string key;
  DType dtype = DType::kU8;
  uint64_t elements = 0;  // as the pickle claims; containers know better
};

// The bytes of a storage.
struct StorageBytes {
  StorageRef owner;
  const uint8_t* data = nullptr;  // aligned for the type, to 8 bytes when that is U8 (untyped)
  uint64_t bytes = 0;
};

using StorageSource = std::function<StorageBytes(const StorageName&)>;

// All storages the pickle mentions, in the order of first mention.
std::vector<StorageName> list_storages(const Pickle& pickle);

// The contents of a torch file, gathered from its object graph.
struct TorchContent {
  StoredTensors tensors;  // nested dictionaries joined with dots: {"a": {"x": t}} is "a.x"
  // Top-level texts and numbers ("global_step"), and "True", "False", "None". Of modules of torch that were written
  // whole: the class of each as "a.conv.__class__", texts, numbers and short lists of numbers among its attributes as
  // "a.conv.stride" ("2,2"), those of dictionaries as "a.names.0"; and what dictionaries beside them hold.
  Metadata metadata;
  std::string wrapper;  // the top-level key that held the tensors and was stripped, or empty
};

// Interprets the root. A module of torch counts as a dictionary of its parameters, buffers and modules, as its
// state_dict() has them; nothing of its class is looked for. A "state_dict" is unwrapped, so is "string_to_param"
// (textual inversion), and a dictionary that is the only value of the top one, as ComfyUI does. Values that are no
// tensors are passed over. Throws Error(kBadFile) when a tensor leaves its storage or is otherwise malformed,
// Error(kUnsupported) for kinds of tensor Easel does not have (complex, quantised, sparse).
TorchContent interpret_torch(const Pickle& pickle, const StorageSource& storages);

}  // namespace easel::formats
