#include "node_api/text_length.h"

#include <string>

#include "base/error.h"

namespace easel::nodes {

void require_length(size_t bytes) {
  if (bytes > kMostText)
    throw Error(Fault::kMemory, "makes a text of more than " + std::to_string(kMostText >> 20) + " MiB");
}

}  // namespace easel::nodes
