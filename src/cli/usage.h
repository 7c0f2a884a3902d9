// Describes the mistake in a command line: CLI11 lists everything unexpected, but not which part of it is wrong.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace easel::cli {

// The first command or option among the arguments that the program does not have, with the nearest ones it has; nothing
// when all are known, so that the fault is another one. `arguments`: without the program's name.
std::optional<Error> mistaken_name(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace easel::cli
