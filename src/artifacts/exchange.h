// Pictures that clients and workflows hand to each other by an id. They are artifacts of the temp area, so that they go
// after a while, and with the server.
#pragma once

#include <string>

#include "artifacts/artifact_store.h"

namespace easel::artifacts {

// The artifact of an id: a file named by it, with an ending. Throws Error(kInvalid) unless the id is 1 to 128 letters,
// digits, '-', '_' and '.', and begins with a letter or digit.
Name exchanged(const std::string& id);

// An id that nobody can guess: 32 hexadecimal digits.
std::string new_exchange_id();

}  // namespace easel::artifacts
