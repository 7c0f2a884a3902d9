// What happens to reference pictures that are not square on their way to a vision encoder.
#pragma once

#include "nodes/call.h"

namespace easel::nodes {

// Warns, once for a batch, which part of pictures [N,H,W,C] a cut to the middle square will leave out.
void tell_of_crop(const Call& call, const Tensor& pictures);

}  // namespace easel::nodes
