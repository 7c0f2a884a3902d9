// easel completion: a script that teaches a shell easel's commands.
#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.h"

namespace easel::cli {

void add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Write a script that makes a shell complete easel's commands");
  command->footer(
      "  easel completion bash > ~/.local/share/bash-completion/completions/easel\n"
      "  easel completion zsh > \"${fpath[1]}/_easel\"\n"
      "  easel completion fish > ~/.config/fish/completions/easel.fish");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app] {
    const std::string script = *shell == "bash"  ? bash_completion(app)
                               : *shell == "zsh" ? zsh_completion(app)
                                                 : fish_completion(app);
    fputs(script.c_str(), stdout);
  });
}

}  // namespace easel::cli
