// Reads files written by torch.save without executing anything in them.
#pragma once

#include <cstdint>
#include <span>

#include "formats/tensors/torch_pickle.h"
#include "tensor/mapped_file.h"

namespace easel::formats {

// Since PyTorch 1.6: a zip archive with one pickle and one entry per storage.
bool looks_like_torch_zip(std::span<const uint8_t> bytes);
// Before: a stream of pickles that starts with a magic number, then the storages.
bool looks_like_torch_legacy(std::span<const uint8_t> bytes);

// Tensors are views of the mapping wherever it is aligned for them. The pickle is the only part parsed.
// Both throw Error(kBadFile) for damaged or hostile content, naming neither file nor node; the caller
// adds the path. Compressed archives are refused: torch never writes them, and what is not inflated
// cannot be a bomb.
TorchContent read_torch_zip(const MappedFile& file);
TorchContent read_torch_legacy(const MappedFile& file);

}  // namespace easel::formats
