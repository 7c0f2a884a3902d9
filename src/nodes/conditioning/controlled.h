// Conditioning with one more control network.
#pragma once

#include <utility>

#include "models/conditioning.h"

namespace easel::nodes {

// Both lists with `link` at the end of the chain of each entry. Entries that shared a chain share the longer one too,
// so that they can be evaluated together. `to_uncond`: whether it also acts where the negative list has none.
std::pair<models::Conditioning, models::Conditioning> controlled(models::Conditioning positive,
                                                                 models::Conditioning negative,
                                                                 models::ControlLink link, bool to_uncond);

}  // namespace easel::nodes
