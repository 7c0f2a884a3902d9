#include <array>
#include <string>

#include "base/error.h"
#include "formats/tensors/torch_pickle.h"

namespace easel::formats {
namespace {

using Names = std::initializer_list<std::string_view>;

bool one_of(std::string_view name, Names names) {
  for (std::string_view n : names)
    if (n == name) return true;
  return false;
}

bool tensor_part(std::string_view module, std::string_view name) {
  if (module == "torch._utils")
    return one_of(name, {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
                         "_rebuild_parameter_with_state"});
  if (module == "torch._tensor") return name == "_rebuild_from_type_v2";
  if (module == "torch" || module == "torch.cuda")
    return name.ends_with("Storage") ||
           one_of(name, {"Size", "device", "Tensor", "float64", "float32", "float16", "bfloat16", "int64", "int32",
                         "int16", "int8", "uint8", "bool", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128"});
  if (module == "torch.storage")
    return one_of(name, {"UntypedStorage", "TypedStorage", "_UntypedStorage", "_TypedStorage"});
  if (module == "torch.nn.parameter") return name == "Parameter";
  if (module == "torch.nn.modules.container") return one_of(name, {"ParameterDict", "ParameterList"});
  if (module == "torch.torch_version") return name == "TorchVersion";
  return false;
}

bool plain_python(std::string_view module, std::string_view name) {
  if (module == "collections") return one_of(name, {"OrderedDict", "defaultdict", "Counter"});
  if (module == "builtins" || module == "__builtin__")
    return one_of(name, {"set", "frozenset", "list", "dict", "tuple", "int", "long", "float", "complex", "bool", "str",
                         "unicode", "bytes", "bytearray", "slice", "range", "object"});
  if (module == "copyreg" || module == "copy_reg") return name == "_reconstructor";
  if (module == "_codecs") return name == "encode";
  if (module == "typing") return name == "Any";
  if (module == "argparse") return name == "Namespace";
  if (module == "pathlib" || module == "pathlib._local")
    return one_of(name, {"Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"});
  if (module == "numpy.core.multiarray" || module == "numpy._core.multiarray")
    return one_of(name, {"scalar", "_reconstruct"});
  if (module == "numpy")
    return one_of(name, {"dtype", "ndarray", "float64", "float32", "float16", "int64", "int32", "int16", "int8",
                         "uint8", "bool_"});
  return module == "numpy.dtypes";
}

bool training_leftover(std::string_view module) {
  for (std::string_view package : {"pytorch_lightning", "lightning", "lightning_fabric", "omegaconf", "torch.optim"})
    if (module == package || (module.starts_with(package) && module[package.size()] == '.')) return true;
  return false;
}

}  // namespace

void check_torch_global(std::string_view module, std::string_view name) {
  // A dotted name would lead from an allowed class to any of its attributes.
  const bool plain = name.find('.') == std::string_view::npos;
  if (plain && (tensor_part(module, name) || plain_python(module, name) || training_leftover(module))) return;
  throw Error(Fault::kBadFile, "contains code: it names '" + std::string(module) + "." + std::string(name) + "'")
      .fix("Easel reads model files as data only. If you trust the file, convert it to safetensors where it was made");
}

}  // namespace easel::formats
