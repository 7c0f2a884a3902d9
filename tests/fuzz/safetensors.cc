// Model files in the safetensors format.
#include "fuzz/model_file.h"

EASEL_FUZZ(easel::fuzz::read_model_file)
