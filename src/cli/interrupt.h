// Ctrl-C as a cancellation.
#pragma once

#include "base/cancel.h"

namespace easel::cli {

// A token that SIGINT and SIGTERM cancel. A second SIGINT ends the process at once. Installs the handlers on
// its first call.
const CancelToken& interrupt_token();

}  // namespace easel::cli
