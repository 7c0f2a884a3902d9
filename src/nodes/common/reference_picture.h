// What happens to reference pictures on their way to a vision encoder that a person may not expect.
#pragma once

#include "node_api/call.h"
#include "nodes/common/foresight.h"

namespace easel::nodes {

// Warns, once for a batch, which part of pictures [N,H,W,C] a cut to the middle square will leave out.
void tell_of_crop(const Call& call, const Tensor& pictures);

// Warns when several reference pictures become one influence on all pictures, or when each gets a picture of its own.
void tell_of_blending(const Call& call, int64_t count, bool each_its_own);

// The same for the pictures foreseen at an input, if any are.
void foretell_crop(const Call& call, std::string_view input);
void foretell_blending(const Call& call, std::string_view input, bool each_its_own);

}  // namespace easel::nodes
