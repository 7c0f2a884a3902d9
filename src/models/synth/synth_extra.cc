#include "models/synth/synth.h"

namespace easel::models::synth {

std::vector<SynthFile> extra_synthetic_files(SynthSize) { return {}; }

}  // namespace easel::models::synth
