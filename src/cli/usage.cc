#include "cli/usage.h"

#include <cctype>
#include <utility>

#include "base/nearest.h"

namespace easel::cli {
namespace {

// "--port" of "--port=8000"; empty for what is no option: "-5" and "-" are values.
std::string option_name(const std::string& argument) {
  if (argument.size() < 2 || argument[0] != '-') return {};
  if (argument[1] != '-') return std::isalpha(static_cast<unsigned char>(argument[1])) ? argument.substr(0, 2) : "";
  return argument.substr(0, argument.find('='));
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent ? full_name(*parent) + " " + app.get_name() : app.get_name();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

const CLI::App* command_named(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (command->get_name() == name) return command;
  return nullptr;
}

const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& own : names_of(*option))
      if (own == name) return option;
  return nullptr;
}

Error unknown(const CLI::App& app, const std::string& what, const std::string& name,
              const std::vector<std::string>& known) {
  const std::string hint = did_you_mean(name, known);
  const std::string help = "'" + full_name(app) + " --help' lists what there is";
  return Error(Fault::kUsage, full_name(app) + " has no " + what + " '" + name + "'")
      .fix(hint.empty() ? help
                        : std::string(1, static_cast<char>(std::toupper(hint[0]))) + hint.substr(1) + " " + help);
}

Error unknown_option(const CLI::App& app, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& own : names_of(*option))
      if (own.starts_with("--")) known.push_back(own);
  return unknown(app, "option", name, known);
}

}  // namespace

std::optional<Error> mistaken_name(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* now = &app;
  bool value_follows = false;
  for (const std::string& argument : arguments) {
    if (argument == "--") return std::nullopt;
    const std::string option = option_name(argument);
    if (!option.empty()) {
      const CLI::Option* known = option_named(*now, option);
      if (!known) return unknown_option(*now, option);
      // A value in a word of its own is no command.
      value_follows = known->get_items_expected_min() > 0 && argument == option;
      continue;
    }
    if (std::exchange(value_follows, false)) continue;
    const auto commands = command_names(*now);
    if (commands.empty()) continue;
    const CLI::App* command = command_named(*now, argument);
    if (!command) return unknown(*now, "command", argument, commands);
    now = command;
  }
  return std::nullopt;
}

}  // namespace easel::cli
