// Textual-inversion files.
#include "fuzz/fuzz.h"
#include "text/embeddings.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const Tensor vectors = text::read_embedding(file_of(bytes), {});
  require(vectors.rank() == 2 && vectors.dtype() == DType::kF32);
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
