// Files of settings beside a checkpoint.
#include "nodes/model/checkpoint_config.h"

#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const nodes::CheckpointConfig config = nodes::parse_checkpoint_config(text_of(bytes));
  require(!config.clip_layer || (*config.clip_layer >= -24 && *config.clip_layer <= -1));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
