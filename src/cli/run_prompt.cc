#include "cli/run_prompt.h"

#include <utility>

#include "base/error.h"
#include "cli/interrupt.h"

namespace easel::cli {

engine::RunReport run_plan(engine::Engine& engine, engine::Plan plan, Presenter& presenter,
                           engine::RunOptions options) {
  const workflow::Validation validation = plan;  // to be shown should the run fail, which takes the plan
  try {
    if (!plan.runnable()) plan.raise();
    for (const workflow::Notice& notice : plan.left_out())
      presenter.take(engine::NodeWarning{notice.node, notice.text});
    for (const workflow::Notice& notice : plan.notices) presenter.take(engine::NodeWarning{notice.node, notice.text});
    options.cancel = interrupt_token();
    options.notices_told = true;
    engine::RunReport report = engine.run(std::move(plan), options, presenter);
    presenter.finished(report);
    return report;
  } catch (const Error& e) {
    presenter.failed(e, &validation);
    throw;
  }
}

engine::RunReport run_prompt(engine::Engine& engine, const workflow::Prompt& prompt, Presenter& presenter,
                             engine::RunOptions options) {
  return run_plan(engine, engine.check(prompt), presenter, std::move(options));
}

}  // namespace easel::cli
