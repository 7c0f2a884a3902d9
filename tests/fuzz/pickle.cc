// The pickle of a torch file, without the archive around it.
#include "formats/tensors/pickle.h"

#include "formats/tensors/owned_bytes.h"
#include "formats/tensors/torch_pickle.h"
#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const formats::Pickle pickle = formats::Pickle::read(bytes, formats::check_torch_global);
  require(pickle.consumed() <= bytes.size() && pickle.root_ref() < pickle.size());
  static const StorageRef memory = formats::owned_bytes(4096);
  (void)formats::list_storages(pickle);
  const formats::TorchContent content = formats::interpret_torch(pickle, [](const formats::StorageName&) {
    return formats::StorageBytes{memory, static_cast<const uint8_t*>(memory->data()), memory->bytes()};
  });
  for (const auto& [name, tensor] : content.tensors)
    if (tensor.numel() <= (int64_t{1} << 16)) (void)tensor.decoded();
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
