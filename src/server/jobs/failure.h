// What was thrown, in words: a runner may throw anything.
#pragma once

#include <string>

#include "base/error.h"

namespace easel::server {

struct Failure {
  Fault fault = Fault::kInternal;
  std::string text;
};

// Of the exception that is being handled; to be called in a catch block.
Failure current_failure();

}  // namespace easel::server
