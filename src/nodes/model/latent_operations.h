// LATENT_OPERATION
#pragma once

#include "guidance/latent_operation.h"
#include "node_api/value.h"

namespace easel::nodes {

template <>
struct LinkType<guidance::LatentOperationPtr> : PlainLink<guidance::LatentOperationPtr> {
  static constexpr const char* kName = "LATENT_OPERATION";
};

}  // namespace easel::nodes
