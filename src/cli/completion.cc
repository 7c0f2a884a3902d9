#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace easel::cli {
namespace {

struct OptionWords {
  std::vector<std::string> names;    // "--port", "-p"
  std::vector<std::string> choices;  // empty: any value
  std::string says;
  bool takes_value = false;
};

struct CommandWords {
  std::string path;  // "queue list"; empty for easel itself
  std::string says;
  std::vector<std::string> commands;
  std::vector<OptionWords> options;
};

// "{auto,f32,bf16}" within the description of an option's type, which is how CLI11 names a set.
std::vector<std::string> choices_in(const std::string& type) {
  const size_t begin = type.find('{'), end = type.find('}', begin == std::string::npos ? 0 : begin);
  std::vector<std::string> out;
  if (begin == std::string::npos || end == std::string::npos) return out;
  for (size_t at = begin + 1; at < end;) {
    const size_t comma = std::min(type.find(',', at), end);
    out.push_back(type.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

void collect(const CLI::App& app, const std::string& path, std::vector<CommandWords>& out) {
  CommandWords command{.path = path, .says = app.get_description(), .commands = {}, .options = {}};
  for (const CLI::Option* option : app.get_options()) {
    OptionWords words{.names = {},
                      .choices = choices_in(option->get_type_name()),
                      .says = option->get_description(),
                      .takes_value = option->get_items_expected_max() > 0};
    for (const std::string& name : option->get_lnames()) words.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) words.names.push_back("-" + name);
    if (!words.names.empty()) command.options.push_back(std::move(words));
  }
  const auto inner = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* one : inner) command.commands.push_back(one->get_name());
  out.push_back(std::move(command));
  for (const CLI::App* one : inner) collect(*one, path.empty() ? one->get_name() : path + " " + one->get_name(), out);
}

std::vector<CommandWords> words_of(const CLI::App& app) {
  std::vector<CommandWords> out;
  collect(app, {}, out);
  return out;
}

// Between single quotes for a shell; `quote` is how that shell writes a single quote within them.
std::string quoted(const std::string& text, std::string_view quote = "'\\''") {
  std::string out = "'";
  for (const char c : text)
    if (c == '\'') out += quote;
    else out += c == '\n' ? ' ' : c;
  return out + "'";
}

// For zsh, which takes brackets and colons in a description for its own.
std::string without_marks(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

const CommandWords* find(const std::vector<CommandWords>& all, const std::string& path) {
  for (const CommandWords& one : all)
    if (one.path == path) return &one;
  return nullptr;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const auto all = words_of(app);
  std::string out =
      "# bash completion for easel\n"
      "_easel() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= i next\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    next=\"${path:+$path }${COMP_WORDS[i]}\"\n"
      "    case \"$next\" in\n";
  std::vector<std::string> paths;
  for (const CommandWords& one : all)
    if (!one.path.empty()) paths.push_back(quoted(one.path));
  out += "      " + joined(paths, "|") +
         ") path=$next ;;\n    esac\n  done\n  COMPREPLY=()\n  case \"$path $before\" in\n";
  for (const CommandWords& one : all)
    for (const OptionWords& option : one.options) {
      if (!option.takes_value) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) patterns.push_back(quoted(one.path + " " + name));
      out += "    " + joined(patterns, "|") + ")";
      if (!option.choices.empty())
        out += " mapfile -t COMPREPLY < <(compgen -W " + quoted(joined(option.choices, " ")) + " -- \"$word\");";
      out += " return ;;\n";
    }
  out += "  esac\n  case \"$path\" in\n";
  for (const CommandWords& one : all) {
    std::vector<std::string> options;
    for (const OptionWords& option : one.options)
      options.insert(options.end(), option.names.begin(), option.names.end());
    out += "    " + quoted(one.path) + ")\n      if [[ $word == -* ]]; then mapfile -t COMPREPLY < <(compgen -W " +
           quoted(joined(options, " ")) + " -- \"$word\")\n";
    if (!one.commands.empty())
      out += "      else mapfile -t COMPREPLY < <(compgen -W " + quoted(joined(one.commands, " ")) + " -- \"$word\")\n";
    out += "      fi ;;\n";
  }
  return out + "  esac\n}\n# Where nothing is offered, files are.\ncomplete -o default -F _easel easel\n";
}

std::string zsh_completion(const CLI::App& app) {
  const auto all = words_of(app);
  std::string out = "#compdef easel\n# zsh completion for easel\n";
  for (const CommandWords& one : all) {
    std::string name = "_easel";
    for (const char c : one.path.empty() ? "" : " " + one.path) name += c == ' ' ? '_' : c;
    out += name + "() {\n  local context state state_descr line\n  typeset -A opt_args\n  _arguments -C \\\n";
    for (const OptionWords& option : one.options) {
      std::string value;
      if (option.takes_value)
        value = option.choices.empty() ? ":value:_files" : ":value:(" + joined(option.choices, " ") + ")";
      for (const std::string& word : option.names)
        out += "    " + quoted(word + "[" + without_marks(option.says) + "]" + value) + " \\\n";
    }
    if (one.commands.empty()) {
      out += "    '*:file:_files'\n}\n";
      continue;
    }
    out +=
        "    '1:command:->command' '*::argument:->argument'\n  case $state in\n    command)\n      local commands=(\n";
    for (const std::string& command : one.commands) {
      const auto* inner = find(all, one.path.empty() ? command : one.path + " " + command);
      out += "        " + quoted(command + ":" + without_marks(inner->says)) + "\n";
    }
    out += "      )\n      _describe command commands ;;\n    argument)\n      case $line[1] in\n        " +
           joined(one.commands, "|") + ") " + name + "_$line[1] ;;\n      esac ;;\n  esac\n}\n";
  }
  return out + "if [[ $funcstack[1] == _easel ]]; then _easel \"$@\"; else compdef _easel easel; fi\n";
}

std::string fish_completion(const CLI::App& app) {
  const auto all = words_of(app);
  std::string out = "# fish completion for easel\n";
  const std::string_view quote = "\\'";
  for (const CommandWords& one : all) {
    // The condition that all words of the path were written, and none of the commands that may follow them.
    std::string when;
    for (size_t at = 0; at < one.path.size();) {
      const size_t end = std::min(one.path.find(' ', at), one.path.size());
      when +=
          (when.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + one.path.substr(at, end - at);
      at = end + 1;
    }
    std::string here = when;
    if (!one.commands.empty())
      here +=
          (here.empty() ? "" : "; and ") + std::string("not __fish_seen_subcommand_from ") + joined(one.commands, " ");
    const std::string condition = here.empty() ? "" : " -n " + quoted(here, quote);
    for (const std::string& command : one.commands) {
      const auto* inner = find(all, one.path.empty() ? command : one.path + " " + command);
      out += "complete -c easel" + condition + " -f -a " + command + " -d " + quoted(inner->says, quote) + "\n";
    }
    for (const OptionWords& option : one.options) {
      out += "complete -c easel" + condition;
      for (const std::string& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes_value)
        out += option.choices.empty() ? " -r" : " -x -a " + quoted(joined(option.choices, " "), quote);
      out += " -d " + quoted(option.says, quote) + "\n";
    }
  }
  return out;
}

}  // namespace easel::cli
