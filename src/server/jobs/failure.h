// Describes an exception of any type, because a runner may throw anything.
#pragma once

#include <string>

#include "base/error.h"

namespace easel::server {

struct Failure {
  Fault fault = Fault::kInternal;
  std::string text;
};

// The description of the current exception; call it in a catch block.
Failure current_failure();

}  // namespace easel::server
