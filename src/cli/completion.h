// Scripts that make a shell complete easel's commands, options and values.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace easel::cli {

// Derived from what the commands declare, so that it is never out of date: names of commands and options with what
// they say, the choices of options that have some; anything else is completed as a file.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace easel::cli
