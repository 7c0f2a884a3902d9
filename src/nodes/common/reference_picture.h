// Warnings about what happens to reference pictures before a vision encoder sees them, which users may not expect.
#pragma once

#include "node_api/call.h"
#include "node_api/value.h"

namespace easel::nodes {

// Warns, once per batch, how much of pictures [N,H,W,C] is lost when they are cropped to the central square.
void warn_of_crop(const Call& call, const Tensor& pictures);

// Warns when several reference pictures steer every picture together, or (`each_its_own`) one picture of the batch
// each.
void warn_of_blending(const Call& call, int64_t count, bool each_its_own);

// The same for pictures that are not computed yet; does nothing if they are not foreseen (null).
void warn_of_crop(const Call& call, const ForeseenPicture* pictures);
void warn_of_blending(const Call& call, const ForeseenPicture* pictures, bool each_its_own);

}  // namespace easel::nodes
