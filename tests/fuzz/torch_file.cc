// Model files as torch.save writes them: zip archives, and the streams of older versions.
#include "fuzz/model_file.h"

EASEL_FUZZ(easel::fuzz::read_model_file)
