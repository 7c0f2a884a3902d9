// What happens to reference pictures on their way to a vision encoder that a person may not expect.
#pragma once

#include "node_api/call.h"
#include "node_api/value.h"

namespace easel::nodes {

// Warns, once for a batch, which part of pictures [N,H,W,C] a cut to the middle square will leave out.
void warn_of_crop(const Call& call, const Tensor& pictures);

// Warns when several reference pictures become one influence on all pictures, or when each gets a picture of its own.
void warn_of_blending(const Call& call, int64_t count, bool each_its_own);

// The same for pictures that are foreseen; null: nobody foresaw them, and there is nothing to say.
void warn_of_crop(const Call& call, const ForeseenPicture* pictures);
void warn_of_blending(const Call& call, const ForeseenPicture* pictures, bool each_its_own);

}  // namespace easel::nodes
