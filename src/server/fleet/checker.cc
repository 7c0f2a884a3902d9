#include "server/fleet/checker.h"

namespace easel::server {

engine::Plan FrontChecker::check(const workflow::Prompt& prompt, const std::vector<std::string>& only) {
  const auto needs = choices_.needs(prompt, table_);
  if (choices_.all_here(needs)) return own_.check(prompt, only);
  engine::Plan out;
  static_cast<workflow::Validation&>(out) = workflow::validate(prompt, table_, choices_, only);
  return out;
}

}  // namespace easel::server
